"""Figures of the load: how punctual the open model is, what measuring costs, how soon the first user comes.

`python benchmarks/load.py` prints medians against the design's figures. Everything runs on loopback, on this machine's
own cores, so what the service takes is missing to the generator.
"""

import asyncio
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from loadgen.here import INSIDE, start
from loadgen.lines import read
from loadgen.load import Load, settings
from loadgen.units import Duration, Rate

REPEAT = 3
USERS = 20
RUN_TIME = "5s"
LOCUSTFILE = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0)

    @task
    def look(self):
        self.client.get("/")
"""


class Answer(asyncio.Protocol):
    """The least a service can do: one answer for every request that arrives whole."""

    TEXT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.write(self.TEXT * data.count(b"\r\n\r\n"))


def serve(listener: socket.socket) -> None:
    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(Answer, sock=listener)
        await server.serve_forever()

    asyncio.run(forever())


def open_load(url: str, rate: float) -> Load:
    return Load(target=url, timeout=Duration(1), arrivals=Rate(rate), duration=Duration(5), seed=1)


def start_error_ms(url: str, rate: float, locustfile: Path) -> float:
    """The worst second's 99th percentile, the first second left out: the process is still warming up in it."""
    process = start(open_load(url, rate), locustfile)
    output, _ = process.communicate(timeout=60)
    return max(sample.start_error_ms_p99 for sample in list(read(output.splitlines()))[1:])


def requests_per_second(url: str, locustfile: Path, *, measured: bool) -> float:
    """Of the closed model, by Locust's own statistics, alone or with our measuring beside it."""
    files = f"{INSIDE}/closed.py,{locustfile}" if measured else str(locustfile)
    command = [sys.executable, "-m", "locust", "-f", files, "--headless", "--json", "--host", url]
    command += ["--users", str(USERS), "--spawn-rate", str(USERS), "--run-time", RUN_TIME, "--skip-log-setup"]
    load = Load(target=url, timeout=Duration(1), users=USERS)
    env = {**os.environ, **settings(load, str(locustfile)).to_env()}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)
    (stats,) = json.loads("[" + done.stdout.partition("[\n")[2])
    seconds: float = stats["last_request_timestamp"] - stats["start_time"]
    return int(stats["num_requests"]) / seconds


def seconds_to_first_user(locustfile: Path) -> float:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        began = time.monotonic()
        process = start(open_load(f"http://127.0.0.1:{listener.getsockname()[1]}", 300), locustfile)
        connection, _ = listener.accept()
        passed = time.monotonic() - began
        connection.close()
    process.kill()
    process.communicate()
    return passed


def report(what: str, value: float, unit: str, *, limit: float, at_least: bool = False) -> None:
    reached = value >= limit if at_least else value <= limit
    verdict = "" if reached else "   MISSED"
    print(f"{what:58} {value:9.2f} {unit:4} {'>=' if at_least else '<='} {limit:g}{verdict}")


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    service = multiprocessing.Process(target=serve, args=(listener,), daemon=True)
    service.start()
    with tempfile.TemporaryDirectory() as folder:
        locustfile = Path(folder) / "visitor.py"
        locustfile.write_text(LOCUSTFILE)
        report("start to first user", median(seconds_to_first_user(locustfile) for _ in range(REPEAT)), "s", limit=1.5)
        late_ms = median(start_error_ms(url, 300, locustfile) for _ in range(REPEAT))
        report("open model, 300/s: start error p99", late_ms, "ms", limit=10)
        # Taken in turns, so that what else the machine does falls on both alike.
        pairs = [[requests_per_second(url, locustfile, measured=m) for m in (False, True)] for _ in range(REPEAT)]
        bare, measured = (median(side) for side in zip(*pairs, strict=True))
        print(f"{'closed model, 20 users: bare Locust, and measured':58} {bare:9.0f} /s   {measured:.0f} /s")
        report("ceiling against bare Locust", measured / bare, "", limit=0.9, at_least=True)
    service.terminate()


if __name__ == "__main__":
    main()
