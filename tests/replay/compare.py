"""What two sets of facts disagree about. Pure.

Tolerances: facts agree or they do not. Of the times, what the kubelet's own periods dictate (a probe's period, a
back-off, a grace period: whatever took 1.5 s or more) must take as long here, give or take two fifths and a second;
what is overhead may be smaller without limit, and larger by `SLACK_SECONDS`, for this machine may be busy. Counts of
events that a period drives agree within one or a third.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.replay.facts import Facts

DICTATED_SECONDS = 1.5
SLACK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Known:
    """A disagreement that stays, and why. `pattern` matches the whole line; `case` "" is every case."""

    pattern: str
    why: str
    case: str = ""

    def covers(self, case: str, line: str) -> bool:
        return self.case in {"", case} and re.fullmatch(self.pattern, line) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    agreeing: int
    total: int
    """Facts of the real cluster."""
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    timing: tuple[str, ...]
    known: tuple[Known, ...]
    """Those that were needed."""

    @property
    def agrees(self) -> bool:
        return not (self.missing or self.extra or self.timing)

    def __str__(self) -> str:
        marked = [*(f"- {x}" for x in self.missing), *(f"+ {x}" for x in self.extra), *(f"~ {x}" for x in self.timing)]
        return "\n".join([f"{self.agreeing} of {self.total} facts agree", *marked])


def compare(case: str, real: Facts, ours: Facts, known: tuple[Known, ...] = ()) -> Comparison:
    there, here = Counter(real.lines), Counter(ours.lines)
    missing, extra = [*(there - here).elements()], [*(here - there).elements()]
    off = [*timing(real, ours)]
    used = tuple(one for one in known if any(one.covers(case, line) for line in (*missing, *extra, *off)))
    return Comparison(
        agreeing=len(real.lines) - len(missing),
        total=len(real.lines),
        missing=_unknown(case, missing, used),
        extra=_unknown(case, extra, used),
        timing=_unknown(case, off, used),
        known=used,
    )


def _unknown(case: str, lines: list[str], known: tuple[Known, ...]) -> tuple[str, ...]:
    return tuple(line for line in lines if not any(one.covers(case, line) for one in known))


def timing(real: Facts, ours: Facts) -> Iterator[str]:
    """Measures that both have, equally often, and that lie too far apart."""
    for name, theirs in real.measures.items():
        mine = ours.measures.get(name, ())
        close = same_count if name.startswith("count") else same_time
        if len(theirs) == len(mine) and not all(map(close, theirs, mine)):
            yield f"{name}: {list(theirs)} there, {list(mine)} here"


def same_count(there: float, here: float) -> bool:
    return abs(there - here) <= max(1, there / 3)


def same_time(there: float, here: float) -> bool:
    if here > there + SLACK_SECONDS:
        return False
    return there < DICTATED_SECONDS or here >= 0.6 * there - 1
