"""Could a password be read on its way to the Ingress? Not read proves something only while the visitor was served."""

from collections.abc import Iterator

from chaos.judging.history import History, Objectives
from chaos.judging.verdict import Criterion, Evidence
from chaos.recording import Fault

# One look could be at a visitor who had only begun.
LOOKS = 2


def judge(past: History, wanted: Objectives) -> list[Criterion]:  # noqa: ARG001  # every judge is called alike
    """Unreadable on the way: for recordings that raise no doubts."""
    injection, end = past.injections[0], past.phases["fault"].end
    looks = [f for f in past.faults if f.step == "witness" and injection.t <= f.t <= end]
    return [_unreadable(looks)]


def overheard(step: Fault) -> Iterator[str]:
    """What a look found to have been read on the way."""
    if step.data.get("read") == "yes":
        yield "the visitor's password"


def _unreadable(looks: list[Fault]) -> Criterion:
    name = "unreadable on the way"
    read = next((f for f in looks if any(overheard(f))), None)
    if read is not None:
        text = f"somebody on the way read the visitor's password, sent by {read.data.get('way')}"
        return Criterion(name=name, verdict="broke", text=text, evidence=(_seen(read),))
    good = [f for f in looks if f.ok and f.data.get("way") == "https"]
    if len(good) < LOOKS:
        text = f"the visitor was served by HTTPS at {len(good)} looks, too few to tell"
        return Criterion(name=name, verdict="not_proven", text=text)
    text = f"the visitor was sent on to HTTPS and served at {len(good)} looks, and nobody on the way read the password"
    return Criterion(name=name, verdict="held", text=text, evidence=(_seen(good[-1]),))


def _seen(look: Fault) -> Evidence:
    return Evidence(t=look.t, source="tap", text=look.detail)
