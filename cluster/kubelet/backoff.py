"""How long a container that keeps ending waits before the kubelet starts it again.

The first restart is immediate, then 10 s, doubling to 300 s; a container that has run for ten minutes starts afresh
(recordings: oomkilled, crash-on-start).
"""

from dataclasses import dataclass

FIRST_SECONDS = 10.0
LONGEST_SECONDS = 300.0
RESET_SECONDS = 2 * LONGEST_SECONDS


@dataclass(frozen=True, slots=True)
class BackOff:
    """What the next restart will wait for, and when that was decided (seconds since 1970)."""

    delay_seconds: float
    since: float


def after_end(previous: BackOff | None, finished_at: float) -> tuple[float, BackOff]:
    """The seconds to wait after an end at `finished_at`, and the memory for the end after it."""
    if previous is None or finished_at - previous.since > RESET_SECONDS:
        return 0.0, BackOff(FIRST_SECONDS, finished_at)
    delay = previous.delay_seconds
    return delay, BackOff(min(delay * 2, LONGEST_SECONDS), finished_at + delay)


def doubling(attempt: int, first_seconds: float, longest_seconds: float) -> float:
    """The wait after failed attempt number `attempt` (from 0): `first`, doubling, at most `longest`."""
    return min(first_seconds * 2.0 ** min(attempt, 30), longest_seconds)


def spelled(seconds: float) -> str:
    """A duration as Go writes it: "10s", "2m40s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
