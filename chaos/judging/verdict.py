"""The three verdicts, and what they rest on."""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from chaos.mask import Text

VerdictName = Literal["held", "broke", "not_proven"]

# broke > not_proven > held: one broken criterion breaks the defense, one unproven one leaves it unproven.
_DOMINANCE: tuple[VerdictName, ...] = ("held", "not_proven", "broke")


class Evidence(BaseModel):
    """One thing that was seen. `t` is in seconds since the run began, None for what has no moment."""

    model_config = ConfigDict(frozen=True)

    text: Text
    source: str
    """Where it was seen: "Pod/storefront-…", "Event/…", "load", "fault", "recording"."""
    t: float | None = None


class Criterion(BaseModel):
    """One question of a defense's judge, answered."""

    model_config = ConfigDict(frozen=True)

    name: str
    verdict: VerdictName
    text: Text
    evidence: tuple[Evidence, ...] = ()


def worst(verdicts: Iterable[VerdictName]) -> VerdictName:
    """The verdict of several. Of none: `not_proven`."""
    return max(verdicts, key=_DOMINANCE.index, default="not_proven")
