"""What users got: shares and quantiles of a stretch of seconds, against what they were promised."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from chaos.judging.history import Second
from chaos.promise import SteadyState
from loadgen.samples import EDGES_MS

# A single lost request must not end a recovery, so users' luck is looked at five seconds at a time.
WINDOW = 5
# Of fewer seconds none can be told from the others as a hiccup.
ENOUGH_TO_HICCUP = 3


class Served(NamedTuple):
    """What users got in a stretch of time. Quantiles in milliseconds from the intended start."""

    asked: int
    ok: int
    p50: float
    p95: float
    p99: float

    @property
    def lost(self) -> int:
        return self.asked - self.ok

    @property
    def availability(self) -> float:
        return self.ok / self.asked if self.asked else 0.0


def served(seconds: Iterable[Second], timeout: float) -> Served:
    """Sums a stretch of seconds. A request without an answer counts as having taken `timeout` seconds."""
    listed = list(seconds)
    latency: Counter[int] = Counter()
    for second in listed:
        latency.update(second.latency)
    asked = sum(s.asked for s in listed)
    p50, p95, p99 = (quantile(latency, asked, share, timeout * 1000) for share in (0.50, 0.95, 0.99))
    return Served(asked, sum(s.ok for s in listed), p50, p95, p99)


def quantile(latency: Counter[int], asked: int, share: float, ceiling: float) -> float:
    """The latency that `share` of all `asked` requests did not exceed, interpolated inside its bucket."""
    rank, below = share * asked, 0
    for index in sorted(latency):
        count = latency[index]
        if below + count >= rank and count:
            return min(ceiling, _inside(index, (rank - below) / count, ceiling))
        below += count
    return ceiling if asked else 0.0


def _inside(index: int, part: float, ceiling: float) -> float:
    lower = EDGES_MS[index - 1] if index else 0.0
    upper = EDGES_MS[index] if index < len(EDGES_MS) else ceiling
    return lower + (upper - lower) * max(0.0, part)


def shortfalls(got: Served, promise: SteadyState) -> list[str]:
    """The parts of the promise that were not kept, each with its figure. Without requests nothing was kept."""
    if not got.asked:
        return ["no requests were measured"]
    missed = []
    if promise.availability and got.availability < promise.availability.of_one:
        missed.append(f"availability {got.availability:.2%}, promised at least {promise.availability}")
    for name in ("p50", "p95", "p99"):
        bound = getattr(promise, name)
        if bound and getattr(got, name) > bound.milliseconds:
            missed.append(f"{name} {getattr(got, name):.0f} ms, promised at most {bound}")
    return missed


def unkept(seconds: Sequence[Second], promise: SteadyState, timeout: float) -> list[str]:
    """What was not kept over a stretch of seconds.

    A single slow second in which nothing was lost is forgiven: at a few dozen requests a second, a pause of the machine
    for a third of one moves the p95 of all five. So is a single lost request where the promise allows some, and of so
    many less than a whole one: of ninety, nobody could lose one per cent.
    """
    if _lost_the_least(served(seconds, timeout), promise):
        promise = promise.model_copy(update={"availability": None})
    lacking = shortfalls(served(seconds, timeout), promise)
    if not lacking or len(seconds) < ENOUGH_TO_HICCUP or any(second.lost for second in seconds):
        return lacking
    *others, _ = sorted(seconds, key=lambda second: served([second], timeout).p95)
    return lacking if shortfalls(served(others, timeout), promise) else []


def _lost_the_least(got: Served, promise: SteadyState) -> bool:
    """Whether as little was lost as can be, and the promise allows less than that, though not nothing."""
    allowed = (1 - promise.availability.of_one) * got.asked if promise.availability else 0.0
    return got.lost == 1 and 0 < allowed < 1


def summary(got: Served) -> str:
    return f"{got.ok} of {got.asked} requests served ({got.availability:.2%}), p95 {got.p95:.0f} ms"


def failed_users(second: Second, promise: SteadyState) -> bool:
    """Whether users were failed in this second: more requests lost than the promise allows."""
    allowed = 1 - promise.availability.of_one if promise.availability else 0.0
    return second.lost > 0 and second.lost > allowed * second.asked


def regained_at(seconds: Sequence[Second], promise: SteadyState, timeout: float) -> float | None:
    """When the steady state came back to stay; the first second's own time if it was never lost, None if it never came.

    It is back with the first window of five seconds after the last bad one. When the very last window is bad, at least
    the last two seconds must be good for it to have come back inside that window.
    """

    def good(begin: int, end: int) -> bool:
        return not unkept(seconds[begin:end], promise, timeout)

    last = len(seconds) - WINDOW
    bad = [i for i in range(last + 1) if not good(i, i + WINDOW)]
    if last < 0:
        return None
    if not bad:
        return seconds[0].t
    if bad[-1] < last:
        return seconds[bad[-1] + 1].t
    return next((seconds[i].t for i in range(last + 1, len(seconds) - 1) if good(i, len(seconds))), None)


def longest_outage(seconds: Iterable[Second], promise: SteadyState) -> float:
    """The longest run of seconds in each of which users were failed."""
    longest = current = 0
    for second in seconds:
        current = current + 1 if failed_users(second, promise) else 0
        longest = max(longest, current)
    return float(longest)
