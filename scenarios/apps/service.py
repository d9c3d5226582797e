"""What an app of the shop is: routes, a readiness of its own, and one lock that all work passes through.

Probes take the same lock as users' requests, on the way in and on the way out. So a health check cannot tell a nicer
story than users get: whoever holds the lock for ever hangs them all alike.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from telemetry import Counts


class Refusal(Exception):
    """A request that cannot be served: an HTTP status and a reason for the client."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Request:
    path: str
    item: str
    """The last part of the path, when the route ends in `/{item}`."""
    query: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    content_type: str = "application/json"
    then: Callable[[], None] | None = None
    """Called once the answer has left."""


Routes = dict[str, Callable[[Request], Reply]]
"""By "GET /path" or "GET /path/{item}"."""

OWN = ("GET /healthz", "GET /readyz", "GET /metrics")
"""What every app answers, warm or not."""


def as_json(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode() + b"\n")


def as_text(text: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> Reply:
    return Reply(status, text.encode(), content_type)


class Service:
    """An app: its name, its routes with those every app has, and what it counts.

    With WARMUP_SECONDS it serves its users only after that long, as what has a cache to fill does.
    """

    def __init__(self, name: str, routes: Routes, ready: Callable[[], bool] = lambda: True) -> None:
        self.name = name
        self.work = threading.Lock()
        self.counts = Counts()
        self._warm_at = time.monotonic() + float(os.environ.get("WARMUP_SECONDS", "0"))
        self.routes: Routes = {
            "GET /healthz": lambda _: as_text("ok\n"),
            "GET /readyz": lambda _: as_text("ok\n") if self._warm() and ready() else as_text("not ready\n", 503),
            "GET /metrics": self._metrics,
            **routes,
        }

    def _warm(self) -> bool:
        return time.monotonic() >= self._warm_at

    def _metrics(self, _: Request) -> Reply:
        with self.work:
            return as_text(self.counts.text(), content_type="text/plain; version=0.0.4")

    def find(self, method: str, path: str) -> tuple[str, str]:
        """The route that serves a path, and the item it names. Raises Refusal."""
        parent, _, item = path.rpartition("/")
        for name, named in ((path, ""), (parent + "/{item}", item)):
            if f"{method} {name}" in self.routes:
                return self._open(f"{method} {name}"), named
        raise Refusal(404, f"no {method} {path} here")

    def _open(self, route: str) -> str:
        if route not in OWN and not self._warm():
            raise Refusal(503, "still warming up")
        return route

    def begin(self) -> None:
        with self.work:
            self.counts.in_flight += 1

    def end(self, route: str, status: int, seconds: float) -> None:
        with self.work:
            self.counts.in_flight -= 1
            self.counts.add(route, status, seconds)
