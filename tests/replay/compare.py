"""What two sets of facts disagree about. Pure.

Tolerances: facts agree or they do not. Of the times, what the kubelet's own periods dictate (a probe's period, a
back-off, a grace period: whatever took 1.5 s or more) must take as long here, give or take two fifths and a second;
what is overhead may be smaller without limit, and larger by `SLACK_SECONDS`, for this machine may be busy. Counts of
events agree within one or a third, or more where this machine took longer over the case.
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
    """A disagreement that stays, and why. Both expressions must match as a whole: a line, and a case's name."""

    pattern: str
    why: str
    case: str = ".*"

    def covers(self, case: str, line: str) -> bool:
        return bool(re.fullmatch(self.case, case) and re.fullmatch(self.pattern, line))


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
    longer = max(1.0, ours.seconds / real.seconds) if real.seconds else 1.0
    for name, theirs in real.measures.items():
        mine = ours.measures.get(name, ())
        pairs = zip(theirs, mine, strict=False)
        counted = name.startswith("count")
        agree = all(same_count(a, b, longer) if counted else same_time(a, b) for a, b in pairs)
        if len(theirs) == len(mine) and not agree:
            yield f"{name}: {list(theirs)} there, {list(mine)} here"


def same_count(there: float, here: float, longer: float = 1.0) -> bool:
    """`longer`: how much longer the case took here, in which more could happen."""
    slack = max(1, there / 3)
    return there - slack <= here <= there * longer + slack


def same_time(there: float, here: float) -> bool:
    if here > there + SLACK_SECONDS:
        return False
    return there < DICTATED_SECONDS or here >= 0.6 * there - 1
