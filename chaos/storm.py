"""The fault phase of one variant: the fault is in force, its witness is asked every second, and its undo ends it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from chaos import show
from chaos.faults import registry
from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Sighting
from chaos.kube import KubeError
from chaos.loading import open_load_pods
from chaos.observe import View
from chaos.plan import VariantPlan
from chaos.recording import Fault
from chaos.underway import Run
from loadgen.units import Duration

WITNESS_EVERY = Duration(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """The fault, with its parameters, and the variant it strikes."""

    run: Run
    variant: VariantPlan
    kind: FaultKind[Any]
    params: Any
    arena: Arena

    def tell(self, step: str, target: str, detail: str, data: dict[str, Any] | None = None, *, ok: bool = True) -> None:
        self.run.recorder.write(
            Fault,
            self.variant.name,
            fault=self.kind.name,
            step=step,
            ok=ok,
            target=target,
            detail=detail,
            data=data or {},
        )


def strike(run: Run, variant: VariantPlan, view: View) -> None:
    """Spend the fault phase."""
    kind = registry[run.scenario.fault_name]
    params = kind.params.model_validate(run.scenario.fault_params)
    storm = Storm(run=run, variant=variant, kind=kind, params=params, arena=_arena(run, variant, view))
    with _injured(storm) as injuries:
        _rage(storm, injuries)


def _arena(run: Run, variant: VariantPlan, view: View) -> Arena:
    return Arena(
        kube=run.kube,
        namespace=variant.namespace_name,
        target=run.scenario.workload.target,
        view=view,
        # The same for every variant: both sides meet the same storm.
        random=Random(run.seed),  # noqa: S311  # repeatable by its seed, not secret
        will_undo=run.will_undo,
        agree=run.agree,
        load=open_load_pods(run.plan, variant),
    )


@contextmanager
def _injured(storm: Storm) -> Iterator[list[Injury]]:
    """The fault, in force for as long as the block runs; its undo is part of the fault phase's end."""
    injuries = _inject(storm)
    yield injuries
    for injury in injuries:
        if injury.undo is not None:
            storm.run.undo(injury.undo)
            storm.tell("undo", injury.target, injury.detail)


def _inject(storm: Storm) -> list[Injury]:
    try:
        injuries = storm.kind.inject(storm.arena, storm.params)
    except (FaultRefused, KubeError) as error:
        storm.tell("inject", "", str(error), ok=False)
        return []
    for injury in injuries:
        storm.tell("inject", injury.target, injury.detail, injury.data)
    return injuries


def _rage(storm: Storm, injuries: list[Injury]) -> None:
    """Ask the witness every second, and keep what kubectl shows when it first matters."""
    run, view, targets = storm.run, storm.arena.view, [i.target for i in injuries]
    until = time.monotonic() + run.scenario.phases.fault.seconds
    before = _troubles(view)
    shown = False
    while (left := until - time.monotonic()) > 0:
        began = time.monotonic()
        for injury in injuries:
            _go_on(storm, injury)
            _ask_witness(storm, injury)
        if not shown and _troubles(view) != before:
            shown = True
            show.beside(run, storm.variant, view, "first sign", targets)
        rest = WITNESS_EVERY.seconds - (time.monotonic() - began)
        run.stop.wait(Duration(min(max(0.0, rest), left)))
    show.beside(run, storm.variant, view, "end of fault", targets)


def _go_on(storm: Storm, injury: Injury) -> None:
    if storm.kind.go_on is None:
        return
    try:
        for deed in storm.kind.go_on(storm.arena, storm.params, injury):
            storm.tell("act", deed.target, deed.detail, deed.data, ok=deed.ok)
    except KubeError as error:
        storm.tell("act", injury.target, f"the cluster gave no answer: {error}", ok=False)


def _ask_witness(storm: Storm, injury: Injury) -> None:
    try:
        seen = storm.kind.witness(storm.arena, storm.params, injury)
    except KubeError as error:
        seen = Sighting(ok=False, detail=f"the witness could not look: {error}")
    storm.tell("witness", injury.target, seen.detail, seen.data, ok=seen.ok)


def _troubles(view: View) -> tuple[int, int]:
    """A cheap sign that something happened: warnings so far, and restarts plus pods that are not Ready."""
    pods = view.of("Pod").values()
    hurt = sum(c["restarts"] for p in pods for c in p["containers"]) + sum(not p["ready"] for p in pods)
    return sum(e["count"] for e in view.of("Event").values() if e["type"] == "Warning"), hurt
