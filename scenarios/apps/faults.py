"""Ways to break an app on purpose, under /chaos/. They exist only where the environment says CHAOS_ENDPOINTS=on."""

from __future__ import annotations

import os
import threading
import time

from service import Refusal, Reply, Request, Routes, Service, as_json
from telemetry import log, resident_bytes

STARTED = time.time()


class Leak:
    """Memory that requests leave behind once the leak is open. A restart closes it."""

    def __init__(self) -> None:
        self.per_request_bytes = 0
        self.kept: list[bytes] = []

    def drip(self) -> None:
        """Called for every request of a user. The bytes are written, not just asked for: the kernel counts them."""
        if self.per_request_bytes:
            self.kept.append(b"\xa5" * self.per_request_bytes)

    def kept_bytes(self) -> int:
        return sum(map(len, self.kept))


class Errors:
    """A share of the users' requests that fail, spread evenly. Probes and metrics never do: only users notice."""

    def __init__(self) -> None:
        self.share = 0.0
        self._due = 0.0
        self._lock = threading.Lock()

    def strike(self) -> None:
        """Called for every request of a user. Raises Refusal with 500 when it is this one's turn."""
        with self._lock:
            self._due += self.share
            if self._due < 1:
                return
            self._due -= 1
        raise Refusal(500, "something went wrong")


def routes(leak: Leak, errors: Errors, service: Service) -> Routes:
    """The endpoints, or none where they are not switched on. Every POST is answered before it bites."""
    if os.environ.get("CHAOS_ENDPOINTS") != "on":
        return {}

    def status(_: Request) -> Reply:
        return as_json(
            {
                "rss_bytes": resident_bytes(),
                "leak": {"per_request_bytes": leak.per_request_bytes, "kept_bytes": leak.kept_bytes()},
                "errors": errors.share,
                "pid": os.getpid(),
                "started": STARTED,
            }
        )

    def start_leak(request: Request) -> Reply:
        leak.per_request_bytes = _bytes(request.query.get("per_request", ""))
        log("warning", "leak", per_request_bytes=leak.per_request_bytes)
        return as_json({"leak": leak.per_request_bytes})

    def start_errors(request: Request) -> Reply:
        errors.share = _share(request.query.get("share", ""))
        log("warning", "errors", share=errors.share)
        return as_json({"errors": errors.share})

    def say(request: Request) -> Reply:
        log("error", request.query.get("words", ""))
        return as_json({"said": True})

    def deadlock(_: Request) -> Reply:
        return Reply(200, b'{"deadlock": true}\n', then=lambda: _take_for_ever(service))

    def crash(_: Request) -> Reply:
        return Reply(200, b'{"crash": true}\n', then=lambda: os._exit(1))

    return {
        "GET /chaos/status": status,
        "POST /chaos/leak": start_leak,
        "POST /chaos/errors": start_errors,
        "POST /chaos/say": say,
        "POST /chaos/deadlock": deadlock,
        "POST /chaos/crash": crash,
    }


def _take_for_ever(service: Service) -> None:
    log("warning", "deadlock")
    service.work.acquire()


def _bytes(text: str) -> int:
    if not text.isdigit():
        raise Refusal(400, f"per_request is a number of bytes, not {text!r}")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise Refusal(400, f"share is a number from 0 to 1, not {text!r}")
    return share
