"""The books of a load worker: what was meant to happen in each second, and what became of it.

A second is closed once every request meant for it has had its time; what is open then has timed out, whatever its
client goes on hoping for. So the account of time-outs does not depend on clients that keep their own.
"""

from collections import Counter
from dataclasses import dataclass, field
from math import inf

from loadgen.samples import Sample, bucket

GRACE_SECONDS = 0.25
"""What a busy worker may be late to book an answer that came in time."""


@dataclass(slots=True)
class _Second:
    intended: int = 0
    sent: int = 0
    ok: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    latency: Counter[int] = field(default_factory=Counter)
    late_ms: list[float] = field(default_factory=list)

    @property
    def open(self) -> int:
        return self.intended - self.ok - self.failed.total()


class Ledger:
    """Times are Unix times in seconds, handed in."""

    def __init__(self, *, worker: str, timeout: float, start: float, end: float = inf) -> None:
        self._worker = worker
        self._timeout = timeout
        self._oldest = int(start)
        self._end = end
        self._seconds: dict[int, _Second] = {}
        self.next_at = inf
        """The next planned request. A generator that is behind keeps its second open until it is booked."""

    def intend(self, at: float) -> int:
        """A request is meant to start at `at`. Returns its second in the books: the oldest open one if that is over."""
        second = max(int(at), self._oldest)
        self._seconds.setdefault(second, _Second()).intended += 1
        return second

    def withdraw(self, second: int) -> None:
        """It was meant, but its user decided otherwise."""
        if booked := self._seconds.get(second):
            booked.intended -= 1

    def sent(self, second: int, late_ms: float | None) -> None:
        """It left, that late; None for a request that nobody planned (the second of a task)."""
        if booked := self._seconds.get(second):
            booked.sent += 1
            if late_ms is not None:
                booked.late_ms.append(late_ms)

    def settle(self, second: int, latency_ms: float, failure: str = "") -> None:
        """It was answered, or failed. Too late to be booked: it has timed out already."""
        booked = self._seconds.get(second)
        if booked is None:
            return
        kind = "timeout" if latency_ms > self._timeout * 1000 else failure
        if kind:
            booked.failed[kind] += 1
        else:
            booked.ok += 1
        if not kind or kind.startswith(("http-", "check")):
            booked.latency[bucket(latency_ms)] += 1

    def due(self, now: float) -> list[Sample]:
        """The samples of the seconds that are over, oldest first, an empty second included; each once."""
        samples = []
        while self._oldest < self._end and self._over(now):
            samples.append(self._close(timed_out=True))
        return samples

    def _over(self, now: float) -> bool:
        if self._oldest + 1 > self.next_at:
            return False
        booked = self._seconds.get(self._oldest)
        patience = self._timeout if booked and booked.open else 0.0
        return self._oldest + 1 + patience + GRACE_SECONDS <= now

    def rest(self, now: float) -> list[Sample]:
        """At the end: what is left, with requests still open counted as intended and nothing else."""
        samples = self.due(now)
        while self._oldest < min(now, self._end):
            samples.append(self._close(timed_out=False))
        return samples

    def _close(self, *, timed_out: bool) -> Sample:
        second, self._oldest = self._oldest, self._oldest + 1
        booked = self._seconds.pop(second, None) or _Second()
        if timed_out and booked.open:
            booked.failed["timeout"] += booked.open
        late_ms = sorted(booked.late_ms)
        return Sample(
            second=second,
            worker=self._worker,
            intended=booked.intended,
            sent=booked.sent,
            ok=booked.ok,
            failed=dict(booked.failed),
            latency=dict(sorted(booked.latency.items())),
            start_error_ms_max=round(late_ms[-1], 3) if late_ms else 0.0,
            start_error_ms_p99=round(late_ms[int((len(late_ms) - 1) * 0.99)], 3) if late_ms else 0.0,
        )
