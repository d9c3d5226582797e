"""How long a container that keeps ending waits before the kubelet starts it again.

The first restart is immediate, then 10 s, doubling to 300 s; a container that has run for ten minutes starts afresh
(recordings: oomkilled, crash-on-start). The wait counts from the last end that the kubelet knows of when it decides:
when it is the kubelet that ends a container, that is the end before (recording: probe-exec-failing).
"""

from dataclasses import dataclass

FIRST_SECONDS = 10.0
LONGEST_SECONDS = 300.0
RESET_SECONDS = 2 * LONGEST_SECONDS


JITTER = 0.5
"""The kubelet comes back to a pod that it could not sync after the time it waits for and up to half as much again."""


@dataclass(frozen=True, slots=True)
class BackOff:
    """What a restart waits for, and when that was decided (seconds since 1970)."""

    delay_seconds: float
    since: float


def left(memory: BackOff | None, known_end: float | None, now: float) -> float:
    """The seconds that a restart must still wait after the last known end; 0 when it may be."""
    if memory is None or known_end is None or known_end - memory.since > RESET_SECONDS:
        return 0.0
    return max(0.0, known_end + memory.delay_seconds - now)


def after_restart(memory: BackOff | None, known_end: float | None, now: float) -> BackOff | None:
    """The memory once a restart was decided at `now`."""
    if known_end is None:
        return memory
    fresh = memory is None or known_end - memory.since > RESET_SECONDS
    return BackOff(FIRST_SECONDS if fresh or memory is None else min(memory.delay_seconds * 2, LONGEST_SECONDS), now)


def jittered(seconds: float, random: float) -> float:
    """`random` is from 0 to 1."""
    return seconds * (1 + JITTER * random)


def doubling(attempt: int, first_seconds: float, longest_seconds: float) -> float:
    """The wait after failed attempt number `attempt` (from 0): `first`, doubling, at most `longest`."""
    return min(first_seconds * 2.0 ** min(attempt, 30), longest_seconds)


def spelled(seconds: float) -> str:
    """A duration as Go writes it: "10s", "2m40s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
