"""Keeps the log lines of every pod of its namespace, also when the pod is gone. `GET /find?text=…` finds them again.

It follows the logs through the API server, as `kubectl logs -f` does, so that it needs no place on the nodes. Lines are
on disk before they can be found.
"""

from __future__ import annotations

import json
import os
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from server import run
from service import Reply, Request, Service, as_json
from telemetry import log

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
LOOK_EVERY_SECONDS = 0.5
IDLE_SECONDS = 300
FOUND_MAX = 100


class Lines:
    """One file a container, of lines as they were written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, source: str, lines: Iterator[bytes]) -> None:
        with (self.folder / f"{source}.log").open("ab", buffering=0) as file:
            for line in lines:
                file.write(line)

    def find(self, text: str) -> list[dict[str, str]]:
        found = []
        for file in sorted(self.folder.glob("*.log")):
            with file.open(encoding="utf-8", errors="replace") as lines:
                found += [{"source": file.stem, "line": line.rstrip("\n")} for line in lines if text in line]
        return found[:FOUND_MAX]


def open_api(path: str) -> Iterator[bytes]:
    """The lines of an answer of the API server, as they come. Raises OSError."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    token = (ACCOUNT / "token").read_text()
    request = urllib.request.Request(f"https://{host}:{port}{path}", headers={"Authorization": f"Bearer {token}"})
    trusted = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urllib.request.urlopen(request, timeout=IDLE_SECONDS, context=trusted) as answer:  # noqa: S310 -- https
        yield from answer


class Collector:
    """Follows every container that has begun, each by a thread of its own."""

    def __init__(self, lines: Lines, namespace: str) -> None:
        self.lines = lines
        self.ready = False
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._followed: set[str] = set()

    def look(self) -> None:
        """Begin to follow what is not followed yet. Raises OSError, ValueError."""
        pods = json.loads(b"".join(open_api(self._pods)))["items"]
        for pod in pods:
            for status in pod.get("status", {}).get("containerStatuses", ()):
                if not {"running", "terminated"}.isdisjoint(status.get("state", {})):
                    self._follow(pod["metadata"]["name"], status["name"], status["restartCount"])
        self.ready = True

    def _follow(self, pod: str, container: str, restarts: int) -> None:
        source = f"{pod}_{container}_{restarts}"
        if source not in self._followed:
            self._followed.add(source)
            path = f"{self._pods}/{pod}/log?container={container}&follow=true"
            threading.Thread(target=self._keep, args=(source, path), daemon=True).start()

    def _keep(self, source: str, path: str) -> None:
        try:
            self.lines.keep(source, open_api(path))
        except OSError as error:
            log("warning", "a log ended early", source=source, error=repr(error))


def collect(collector: Collector) -> None:
    while True:
        try:
            collector.look()
        except (OSError, ValueError) as error:
            log("warning", "the pods could not be listed", error=repr(error))
        time.sleep(LOOK_EVERY_SECONDS)


def service(collector: Collector) -> Service:
    def find(request: Request) -> Reply:
        return as_json({"found": collector.lines.find(request.query.get("text", ""))})

    return Service("log-store", {"GET /find": find}, ready=lambda: collector.ready)


if __name__ == "__main__":
    folder = Path(os.environ.get("DATA_DIR", "/data"))
    folder.mkdir(parents=True, exist_ok=True)
    found = Collector(Lines(folder), (ACCOUNT / "namespace").read_text())
    threading.Thread(target=collect, args=(found,), daemon=True).start()
    run(service(found))
