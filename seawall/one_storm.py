"""One storm, from its plan to its report; or the record that it did not take place."""

import secrets
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from chaos import recover
from chaos.journal import Header, Journal
from chaos.kube import Kube
from chaos.nodes import nodes_for_pods
from chaos.plan import Plan, PlanRefused, plan
from chaos.problems import InputErrors, Problem
from chaos.recording import NOT_TAKEN, Recorder, RunStarted, Trouble
from chaos.result import Result
from chaos.run import execute
from chaos.stop import Stop
from chaos.underway import Run
from loadgen.units import Duration
from seawall import exits, folders
from seawall.embedded import Place
from seawall.live import Live
from seawall.wanted import Storm, Wanted, say

# kube-proxy gathers changes for a second before it acts on them (iptables.minSyncPeriod).
SETTLE = Duration(2)

Outcome = tuple[int, tuple[Path, Result]]
"""The exit code, the run's folder, and what came of it."""


def take_place(kube: Kube, place: Place, wanted: Wanted, storm: Storm, stop: Stop) -> Outcome:
    """Raises `InputErrors` when the cluster cannot take its plan."""
    planned = _plan(storm, wanted, nodes_for_pods(kube) if storm[0].isolation else ())
    folder = folders.make(wanted.out, planned.scenario.scenario)
    left = _execute(kube, place, wanted, planned, folder, stop)
    result = folders.judged(folder)
    for difference in left:
        say(f"not healed: {difference}")
    if left:
        say(f"seawall recover {folder} undoes the rest, once the cluster lets you")
    if place.dead():
        say("the embedded cluster died in the middle of the run; nothing of it is left, and the recording is kept")
        return exits.NO_CLUSTER, (folder, result)
    return _outcome(folder, result, stop)


def not_taken(wanted: Wanted, storm: Storm, why: str, stop: Stop) -> Outcome:
    """What did not take place is recorded, judged and reported like all else: it has proven nothing."""
    planned = _plan(storm, wanted, nodes_for_nobody(storm))
    folder = folders.make(wanted.out, planned.scenario.scenario)
    with _recorder(folder) as recorder:
        _started(recorder, planned, seed=0, context=wanted.context)
        recorder.write(Trouble, what=NOT_TAKEN, detail=why)
    return _outcome(folder, folders.judged(folder), stop)


def _outcome(folder: Path, result: Result, stop: Stop) -> Outcome:
    return exits.INTERRUPTED if stop.asked() else result.exit_code, (folder, result)


def nodes_for_nobody(storm: Storm) -> list[str]:
    """Names of nodes, as many as a plan may ask for, where no pod will be bound to them."""
    return [f"node-{i}" for i, _ in enumerate(storm[0].variants, 1)]


def _plan(storm: Storm, wanted: Wanted, nodes: Sequence[str]) -> Plan:
    scenario, manifests = storm
    try:
        return plan(scenario, manifests, run=secrets.token_hex(3), now=time.time(), nodes=nodes, only=wanted.variants)
    except PlanRefused as refusal:
        raise InputErrors([Problem(scenario.scenario, 0, 0, str(refusal))]) from refusal


def _execute(kube: Kube, place: Place, wanted: Wanted, planned: Plan, folder: Path, stop: Stop) -> list[str]:
    header = Header(
        run=planned.run,
        context=kube.context,
        kubeconfig=str(place.kubeconfig),
        server=kube.server,
        ephemeral=place.ephemeral,
        snapshot=recover.snapshot(kube),
    )
    seed = _seed(wanted, planned)
    with _recorder(folder) as recorder:
        journal = Journal.create(folder / folders.JOURNAL, header)
        _started(recorder, planned, seed=seed, context=kube.context, kubernetes=kube.get("/version")["gitVersion"])
        with _view(planned, wanted, recorder), _watch_cluster(place, kube, stop):
            return execute(
                Run(
                    scenario=planned.scenario,
                    plan=planned,
                    kube=kube,
                    recorder=recorder,
                    journal=journal,
                    seed=seed,
                    stop=stop,
                    settle=SETTLE if place.context else Duration(0),
                )
            )


def _seed(wanted: Wanted, planned: Plan) -> int:
    asked = wanted.seed if wanted.seed is not None else planned.scenario.seed
    return secrets.randbelow(2**31) if asked is None else asked


@contextmanager
def _recorder(folder: Path) -> Iterator[Recorder]:
    with (folder / folders.RECORDING).open("x", encoding="utf-8") as file:
        yield Recorder(file, monotonic=time.monotonic, wall=time.time)


def _started(recorder: Recorder, planned: Plan, *, seed: int, context: str, kubernetes: str = "") -> None:
    recorder.write(
        RunStarted,
        run=planned.run,
        seed=seed,
        seawall=version("seawall"),
        context=context,
        kubernetes=kubernetes,
        file=str(planned.scenario.file),
        scenario=planned.scenario.model_dump(mode="json"),
        variants={v.name: v.record() for v in planned.variants},
    )


@contextmanager
def _view(planned: Plan, wanted: Wanted, recorder: Recorder) -> Iterator[None]:
    console = Console(stderr=True, no_color=None if sys.stderr.isatty() else True)
    scenario = planned.scenario
    lasts = {name: getattr(scenario.phases, name).seconds for name in ("baseline", "fault", "recovery")}
    title = f"{scenario.scenario}: {scenario.title}"
    name = scenario.scenario if wanted.parallel > 1 else ""
    live = Live(console, title, [v.name for v in planned.variants], lasts, time.monotonic, among_others=name)
    recorder.listeners.append(live)
    with live if wanted.live is not False else nullcontext():
        yield


@contextmanager
def _watch_cluster(place: Place, kube: Kube, stop: Stop) -> Iterator[None]:
    """A cluster of ours that dies ends the run at once, rather than after every retry."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            if place.dead():
                stop("the embedded cluster's process ended")
                kube.give_up("the embedded cluster's process ended")
                return

    threading.Thread(target=look, daemon=True).start()
    try:
        yield
    finally:
        over.set()
