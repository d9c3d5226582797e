"""Requests that left late, for which the load is to blame: what was slow or lost then may not be the service's doing.

So a variant is judged twice: as it was recorded, and by a kind reading, in which all users of such a second were
answered at once. What comes out the same both ways is proven, whoever was to blame.
"""

from collections import Counter
from dataclasses import replace

from chaos.judging.history import History, Objectives, Second
from chaos.judging.verdict import Evidence

# Beyond this part of a user's patience or of the promised p95, a late start may be why it was missed.
LATE = 0.25


def read_kindly(past: History, wanted: Objectives) -> History:
    """The same history, but for what late requests may have spoilt; the very same where none were late."""
    if not any(_is_late(second, wanted) for second in past.seconds.values()):
        return past
    seconds = {n: _served(s) if _is_late(s, wanted) else s for n, s in past.seconds.items()}
    return replace(past, seconds=seconds)


def _is_late(second: Second, wanted: Objectives) -> bool:
    promised = wanted.promise.p95.milliseconds if wanted.promise.p95 else wanted.timeout * 1000
    return second.late_ms > LATE * min(promised, wanted.timeout * 1000)


def _served(second: Second) -> Second:
    asked = second.asked
    return Second(t=second.t, intended=asked, sent=asked, ok=asked, latency=Counter({0: asked}))


def starved(past: History, wanted: Objectives) -> Evidence:
    """What to say where the two readings differ."""
    late = [second for second in past.seconds.values() if _is_late(second, wanted)]
    worst = max(late, key=lambda second: second.late_ms)
    text = (
        f"the load generator was starved, and may be to blame: in {len(late)} of {len(past.seconds)} seconds requests "
        f"left late, by up to {worst.late_ms:.0f} ms; run it on a machine with less to do"
    )
    return Evidence(t=worst.t, source="load", text=text)
