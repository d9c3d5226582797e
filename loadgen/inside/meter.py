"""Books every request that a user's Locust file makes, and gives each its time-out.

Locust's sessions are wrapped for what no event tells: when a request leaves, and that it must end. Everything else
comes by Locust's request event, so clients of any protocol are measured, if without an enforced end.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import gevent
import requests
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession

from loadgen.inside.clock import Clock
from loadgen.inside.kinds import kind
from loadgen.inside.ledger import Ledger

_ENTRY = "seawall"


class TimedOut(requests.exceptions.Timeout):
    """Of a type that both of Locust's HTTP sessions take for a failed request."""


@dataclass(slots=True)
class Entry:
    """One request in the books."""

    second: int
    intended: float
    left: float = 0.0
    settled: bool = False


@dataclass(slots=True)
class Visit:
    """An arrival of the open model: what its user came for, and the requests that became of it."""

    planned: Entry
    requests: list[Entry] = field(default_factory=list)
    failure: str = ""


visiting: ContextVar[Visit | None] = ContextVar("visiting", default=None)
"""The visit that this greenlet runs; None in the closed model, where nobody plans a request."""


class Meter:
    def __init__(self, ledger: Ledger, clock: Clock, timeout: float) -> None:
        self.ledger = ledger
        self._clock = clock
        self._timeout = timeout

    def expect(self, at: float) -> Visit:
        """A user is meant to come at `at`."""
        return Visit(Entry(self.ledger.intend(at), at))

    def leave(self, at: float | None = None) -> Entry:
        """A request leaves, now or as found out later. A visit's first one was meant for when its user came."""
        at = at or self._clock()
        visit = visiting.get()
        planned = visit.planned if visit and not visit.requests else None
        entry = planned or Entry(self.ledger.intend(at), at)
        entry.left = at
        if visit:
            visit.requests.append(entry)
        self.ledger.sent(entry.second, (at - entry.intended) * 1000 if planned else None)
        return entry

    def remaining(self, entry: Entry) -> float:
        """Seconds a request may still take. A generator that is behind still gives it a moment, to fail honestly."""
        return max(entry.intended + self._timeout - entry.left, 0.001)

    def settle(self, entry: Entry, duration_ms: float, failure: str = "") -> None:
        """The request ended, `duration_ms` after it left."""
        if not entry.settled:
            entry.settled = True
            self.ledger.settle(entry.second, duration_ms + (entry.left - entry.intended) * 1000, failure)

    def depart(self, visit: Visit) -> None:
        """The user is gone. One whose task broke has failed; one that never asked anything was not meant to ask."""
        for entry in (visit.requests or [visit.planned]) if visit.failure else ():
            self.settle(entry, 0.0, visit.failure)
        if not visit.failure and not visit.requests:
            self.ledger.withdraw(visit.planned.second)

    def on_user_error(self, **_: Any) -> None:
        """Locust's event for an exception in the user's own code."""
        if visit := visiting.get():
            visit.failure = "exception"

    def on_request(
        self, response_time: float, exception: BaseException | None, context: dict[str, Any], **event: Any
    ) -> None:
        """Locust's request event, fired in the greenlet that made the request."""
        entry = context.get(_ENTRY) or self.leave(self._clock() - response_time / 1000)
        status = getattr(event.get("response"), "status_code", 0) or 0
        self.settle(entry, response_time, kind(exception, status) if exception else "")

    def wrap_sessions(self) -> None:
        """From now on every request of Locust's HTTP users is booked as it leaves, and ends at its time-out."""
        for session in (HttpSession, FastHttpSession):
            session.request = self._timed(session.request)  # type: ignore[method-assign]  # wrapping is the point

    def _timed(self, request: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(request)
        def timed(*args: Any, context: dict[str, Any] | None = None, **kwargs: Any) -> Any:
            entry = self.leave()
            try:
                with gevent.Timeout(self.remaining(entry), TimedOut(f"no answer within {self._timeout:g} s")):
                    return request(*args, context={**(context or {}), _ENTRY: entry}, **kwargs)
            except Exception as error:
                self.settle(entry, 0.0, kind(error))
                raise

        return timed
