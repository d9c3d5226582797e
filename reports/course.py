"""What happened when: the run of a variant, told from the fault on. Plain values, for every report alike."""

from collections.abc import Iterator
from typing import NamedTuple

from chaos.result import Point, Snapshot, VariantResult


def zero(variant: VariantResult) -> float | None:
    """When the fault came, in seconds of the run; None when none was injected."""
    return next((step.t for step in variant.fault if step.step == "inject" and step.ok), None)


def moment(t: float | None, variant: VariantResult) -> str:
    """`+4.1 s` from the fault on; without a fault, the second of the run. Empty for what has no moment."""
    begin = zero(variant)
    if t is None:
        return ""
    return f"{t:.1f} s" if begin is None else f"{round(t - begin, 1) + 0.0:+.1f} s"


def span(variant: VariantResult) -> str:
    """What `moment` counts from."""
    return "seconds since the run began; no fault was injected" if zero(variant) is None else "seconds since the fault"


class Told(NamedTuple):
    """One thing in the course of a variant. `kind`: inject, act, witness, unseen, undo, or a mark's severity."""

    t: float
    when: str
    kind: str
    text: str
    object: str


def course(variant: VariantResult) -> list[Told]:
    """The steps of the fault and what happened in the cluster, oldest first."""
    marks = [Told(m.t, moment(m.t, variant), m.severity, m.text, m.object) for m in variant.marks]
    return sorted([*_steps(variant), *marks], key=lambda told: told.t)


def _steps(variant: VariantResult) -> Iterator[Told]:
    """A witness looks every second; it is told when it sees something else than before."""
    saw: dict[str, bool] = {}
    for f in variant.fault:
        if f.step == "witness" and saw.get(f.target) is f.ok:
            continue
        if f.step == "witness":
            saw[f.target] = f.ok
        kind = "unseen" if f.step == "witness" and not f.ok else f.step
        yield Told(f.t, moment(f.t, variant), kind, _step(f.step, f.ok, f.text), f.target)


def _step(step: str, ok: bool, text: str) -> str:
    said = {
        ("inject", True): "the fault was injected",
        ("inject", False): "the fault could not be injected",
        ("act", True): "the fault went on",
        ("act", False): "the cluster refused the fault",
        ("witness", True): "a witness saw the fault bite",
        ("witness", False): "the witness saw no fault",
        ("undo", True): "the fault was undone",
        ("undo", False): "the fault could not be undone",
    }[step, ok]
    return f"{said}: {text}" if text else said


def measured(variant: VariantResult) -> list[Point]:
    """The seconds of load that lie within the phases: not the warming up, nor the second in which the load ended."""
    if not variant.phases:
        return list(variant.timeline)
    begin, end = variant.phases[0].begin, variant.phases[-1].end
    return [p for p in variant.timeline if begin <= p.t and p.t + 1 <= end]


def moments(variant: VariantResult) -> list[tuple[str, list[Snapshot]]]:
    """What was shown, by why it was taken, in the order of the run."""
    by_moment: dict[str, list[Snapshot]] = {}
    for snapshot in sorted(variant.shown, key=lambda s: s.t):
        by_moment.setdefault(snapshot.when, []).append(snapshot)
    return list(by_moment.items())
