"""The embedded API's figures: GETs a second on one connection, and a list of 500 pods.

`python -m benchmarks.api`. The server has a process of its own, as in a cluster; each figure is the median of five
rounds, beside what design section 12 asks for.
"""

import http.client
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from cluster.api.server import ApiServer
from cluster.config import ClusterConfig
from tests.api_server.objects import pod, with_default_account
from tests.api_server.serving import client_tls

ROUNDS = 5
GETS = 2000
PODS = 500
GETS_WANTED = 1500
LIST_WANTED_MS = 30


def serve(ready: Connection, folder: str) -> None:
    import asyncio  # noqa: PLC0415 (the client's process needs no loop)

    async def run() -> None:
        api = ApiServer(ClusterConfig(id="bench", state_dir=Path(folder)), {})
        client = api.client("system:bench")
        with_default_account(client)
        for n in range(PODS):
            client.create("pods", pod(f"pod-{n}", labels={"app": "web"}), "default")
        sock = socket.create_server(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        Path(folder, "kubeconfig").write_text(api.kubeconfig(f"https://127.0.0.1:{port}"))
        await api.serve([sock])
        ready.send(port)
        await asyncio.Event().wait()

    asyncio.run(run())


def get(connection: http.client.HTTPSConnection, path: str) -> bytes:
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"GET {path}: {answer.status}: {body[:200]!r}")
    return body


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(port: int, folder: Path) -> None:
    tls = client_tls(folder / "kubeconfig", folder, certificate=True)
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=tls)
    one, all_pods = "/api/v1/namespaces/default/pods/pod-7", "/api/v1/namespaces/default/pods"

    def many() -> None:
        for _ in range(GETS):
            get(connection, one)

    rates = [GETS / seconds(many) for _ in range(ROUNDS)]
    lists = [seconds(lambda: get(connection, all_pods)) * 1000 for _ in range(4 * ROUNDS)]
    print(f"GET/s on one connection   {statistics.median(rates):8.0f}   wanted >= {GETS_WANTED}")
    print(f"list of {PODS} pods, ms     {statistics.median(lists):8.1f}   wanted <= {LIST_WANTED_MS}")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="seawall-bench-") as folder:
        ours, theirs = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, folder), daemon=True)
        server.start()
        try:
            if not ours.poll(30):
                raise RuntimeError("the API server did not start within 30 s")
            measure(ours.recv(), Path(folder))
        finally:
            server.kill()
            server.join(5)


if __name__ == "__main__":
    main()
