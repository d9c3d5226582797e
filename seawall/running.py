"""`run`, `judge` and `report`: the engine, the embedded cluster and the reports, wired together."""

import json
import secrets
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from rich.console import Console

from chaos import guard, recording, recover
from chaos.faults import registry as faults
from chaos.journal import Header, Journal
from chaos.judge import judge
from chaos.kube import Kube, connect
from chaos.manifests import load
from chaos.nodes import nodes_for_pods
from chaos.plan import Plan, PlanRefused, plan
from chaos.problems import InputErrors, Problem, nearest
from chaos.recording import Recorder, RunStarted
from chaos.result import Result
from chaos.run import execute
from chaos.scenario import Scenario, read
from chaos.stop import Stop
from chaos.underway import Run
from loadgen.units import Duration
from reports.write import summary, write, write_suite
from seawall import exits
from seawall.embedded import Place, kept_cluster, place_for
from seawall.live import Live
from seawall.preflighting import Storm, possible

# kube-proxy gathers changes for a second before it acts on them (iptables.minSyncPeriod).
SETTLE = Duration(2)
RECORDING, RESULT, JOURNAL = "recording.jsonl", "result.json", "journal.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asked for."""

    paths: tuple[Path, ...]
    variants: tuple[str, ...]
    context: str
    allow_contexts: tuple[str, ...]
    allow_nodes: bool
    seed: int | None
    out: Path
    live: bool | None
    format: str
    parallel: int = 1
    """How many storms at once."""


Outcome = tuple[int, tuple[Path, Result]]
"""The exit code, the run's folder, and what came of it."""


def run(wanted: Wanted) -> int:
    """Run every scenario and report. Returns an exit code."""
    storms = read_all(wanted.paths, wanted.variants)
    outcomes = carry_out(wanted, storms)
    results = [result for _, result in outcomes]
    _print(results, wanted.format)
    if len(results) > 1:
        page, *_ = write_suite(results, wanted.out / f"{_stamp()}-suite")
        _say(f"all of it on one page: {page}")
    left = left_out(storms, outcomes)
    if left:
        _say(f"not proven, as they did not take place: {', '.join(left)}")
    return exits.worst([*(code for code, _ in outcomes), *(exits.NOT_PROVEN for _ in left)])


def left_out(storms: list[Storm], outcomes: list[Outcome]) -> list[str]:
    """The storms that did not take place, by name: they have proven nothing."""
    took_place = Counter(result.scenario for _, (_, result) in outcomes)
    return list((Counter(scenario.scenario for scenario, _ in storms) - took_place).elements())


def carry_out(wanted: Wanted, storms: list[Storm]) -> list[Outcome]:
    """Run them, in the order given as far as they do not run side by side. Fewer outcomes than storms: it was
    ended, or the cluster cannot take some of them.
    """
    stop = Stop()
    with _signals(stop):
        apart = wanted.parallel > 1 and not wanted.context and kept_cluster() is None
        return (_apart if apart else _on_one_cluster)(wanted, storms, stop)


def _apart(wanted: Wanted, storms: list[Storm], stop: Stop) -> list[Outcome]:
    """Each storm in an embedded cluster of its own, so that all they share is the machine's processors."""

    def one(storm: Storm) -> Outcome | None:
        if stop.asked():
            return None
        with place_for("", told=lambda text: _say(f"{storm[0].scenario}: {text}")) as place:
            return _one(_connect(place), place, wanted, storm, stop.child())

    return _side_by_side(wanted, storms, one, alone=lambda scenario: faults[scenario.fault_name].hungry)


def _on_one_cluster(wanted: Wanted, storms: list[Storm], stop: Stop) -> list[Outcome]:
    """Side by side those that stay in their own namespaces, then, each alone, those that reach whole nodes."""
    with place_for(wanted.context, told=_say) as place:
        _check(_connect(place), wanted, storms)
        # What we boot ourselves has everything that there is to ask for.
        storms = storms if place.ephemeral else possible(_connect(place), storms, wanted.variants)

        def one(storm: Storm) -> Outcome | None:
            if stop.asked():
                return None
            if place.ephemeral:
                _await_room(_connect(place))
            return _one(_connect(place), place, wanted, storm, stop.child())

        return _side_by_side(wanted, storms, one, alone=_needs_the_cluster_alone)


def _side_by_side(
    wanted: Wanted,
    storms: list[Storm],
    one: Callable[[Storm], Outcome | None],
    alone: Callable[[Scenario], bool],
) -> list[Outcome]:
    """As many at once as wanted, then one by one those that have to be alone. Outcomes are in the order given."""
    together = [storm for storm in storms if wanted.parallel > 1 and not alone(storm[0])]
    with ThreadPoolExecutor(wanted.parallel) as pool:
        outcomes = dict(zip(map(id, together), pool.map(one, together), strict=True))
    outcomes |= {id(storm): one(storm) for storm in storms if id(storm) not in outcomes}
    return [outcome for storm in storms if (outcome := outcomes[id(storm)])]


def _await_room(kube: Kube) -> None:
    """Until what the storm before left is gone: a cluster that ends with the command is not waited for to be rid of it,
    and pods on their way out take room from the next storm's.
    """
    left = kube.list(recover.NAMESPACES, labelSelector=guard.RUN_LABEL)
    recover.wait_gone(kube, [namespace["metadata"]["name"] for namespace in left])


def _needs_the_cluster_alone(scenario: Scenario) -> bool:
    return faults[scenario.fault_name].node_wide or scenario.isolation is not None


def dry_run(wanted: Wanted) -> int:
    """Say what would be done. Contacts no cluster."""
    for scenario, manifests in read_all(wanted.paths, wanted.variants):
        nodes = [f"node-{i}" for i, _ in enumerate(scenario.variants, 1)]
        planned = plan(scenario, manifests, run="dry", now=time.time(), nodes=nodes, only=wanted.variants)
        _print_plan(planned, wanted.format)
    return exits.MET


def judge_again(folder: Path, format: str) -> int:
    result = _judged(folder)
    _print([(folder, result)], format)
    return result.exit_code


def report_again(folder: Path, formats: tuple[str, ...]) -> int:
    result = Result.model_validate_json((folder / RESULT).read_text(encoding="utf-8"))
    for path in write(result, folder, formats):
        sys.stdout.write(f"{path}\n")
    return exits.MET


def read_all(paths: tuple[Path, ...], variants: tuple[str, ...] = ()) -> list[Storm]:
    """Every scenario of the files and folders. Raises `InputErrors` with the errors of all of them."""
    found: list[Storm] = []
    problems: list[Problem] = []
    for path in _files(paths):
        try:
            scenario = read(path)
            problems += _unknown_variants(path, scenario, variants)
            found.append((scenario, load(scenario.manifest_paths, scenario.folder)))
        except InputErrors as error:
            problems += error.problems
    if not found and not problems:
        problems.append(Problem(str(paths[0]), 0, 0, "holds no scenario file (*.yaml)"))
    if problems:
        raise InputErrors(problems)
    return found


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(path.glob("*.yaml")) if path.is_dir() else [path]


def _unknown_variants(path: Path, scenario: Scenario, wanted: tuple[str, ...]) -> list[Problem]:
    unknown = [v for v in wanted if v not in scenario.variants]
    return [Problem(str(path), 0, 0, f"has no variant {v!r}{nearest(v, scenario.variants)}") for v in unknown]


def _connect(place: Place) -> Kube:
    return connect(place.context, place.kubeconfig)


def _check(kube: Kube, wanted: Wanted, storms: list[Storm]) -> None:
    """Does the guard let us at the cluster?"""
    guard.check_context(kube.context, wanted.allow_contexts)
    for scenario, _ in storms:
        if faults[scenario.fault_name].node_wide:
            why = f"{scenario.scenario}: {scenario.fault_name} reaches whole nodes"
            guard.check_nodes(kube.context, allowed=wanted.allow_nodes, why=why)


def _one(kube: Kube, place: Place, wanted: Wanted, storm: Storm, stop: Stop) -> Outcome:
    """One scenario from its plan to its report."""
    scenario, manifests = storm
    seed = wanted.seed if wanted.seed is not None else scenario.seed
    seed = secrets.randbelow(2**31) if seed is None else seed
    nodes = nodes_for_pods(kube) if scenario.isolation else ()
    try:
        planned = plan(
            scenario, manifests, run=secrets.token_hex(3), now=time.time(), nodes=nodes, only=wanted.variants
        )
    except PlanRefused as refusal:
        raise InputErrors([Problem(scenario.scenario, 0, 0, str(refusal))]) from refusal
    folder = _folder(wanted.out, scenario)
    left = _execute(kube, place, wanted, planned, folder, seed, stop)
    result = _judged(folder)
    for difference in left:
        _say(f"not healed: {difference}")
    if place.dead():
        _say("the embedded cluster died in the middle of the run; nothing of it is left, and the recording is kept")
        return exits.NO_CLUSTER, (folder, result)
    return exits.INTERRUPTED if stop.asked() else result.exit_code, (folder, result)


def _folder(out: Path, scenario: Scenario) -> Path:
    stamp = _stamp()
    for number in count(1):
        folder = out / (f"{stamp}-{scenario.scenario}" + (f"-{number}" if number > 1 else ""))
        with suppress(FileExistsError):
            folder.mkdir(parents=True)
            break
    return folder


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S")


def _execute(kube: Kube, place: Place, wanted: Wanted, planned: Plan, folder: Path, seed: int, stop: Stop) -> list[str]:
    header = Header(
        run=planned.run,
        context=kube.context,
        kubeconfig=str(place.kubeconfig),
        server=kube.server,
        ephemeral=place.ephemeral,
        snapshot=recover.snapshot(kube),
    )
    with (folder / RECORDING).open("x", encoding="utf-8") as file:
        recorder = Recorder(file, monotonic=time.monotonic, wall=time.time)
        journal = Journal.create(folder / JOURNAL, header)
        _started(recorder, kube, planned, seed)
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


def _started(recorder: Recorder, kube: Kube, planned: Plan, seed: int) -> None:
    from importlib.metadata import version

    recorder.write(
        RunStarted,
        run=planned.run,
        seed=seed,
        seawall=version("seawall"),
        context=kube.context,
        kubernetes=kube.get("/version")["gitVersion"],
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


def _judged(folder: Path) -> Result:
    """Judge the recording, and write the result and the report."""
    result = judge(recording.read(folder / RECORDING))
    (folder / RESULT).write_text(result.model_dump_json(indent=1), encoding="utf-8")
    write(result, folder, ("html",))
    return result


@contextmanager
def _signals(stop: Stop) -> Iterator[None]:
    """Ctrl-C and friends ask to stop; what was done is undone before the command ends."""

    def ask(number: int, _: Any) -> None:
        if stop.asked():
            _say("still undoing what was done; a moment")
        stop(f"interrupted by {signal.Signals(number).name}")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print(results: list[tuple[Path, Result]], format: str) -> None:
    if format == "json":
        data = [{"folder": str(folder), **result.model_dump(mode="json")} for folder, result in results]
        sys.stdout.write(json.dumps(data) + "\n")
        return
    summary(results, Console())


def _print_plan(planned: Plan, format: str) -> None:
    if format == "json":
        variants = {v.name: {**v.record(), "objects": v.objects} for v in planned.variants}
        sys.stdout.write(json.dumps({"scenario": planned.scenario.scenario, "variants": variants}) + "\n")
        return
    sys.stdout.write(f"{planned.scenario.scenario}: {planned.scenario.title}\n")
    for variant in planned.variants:
        objects = ", ".join(f"{o['kind']}/{o['metadata']['name']}" for o in variant.objects)
        stripped = ", ".join(variant.strip) or "nothing"
        sys.stdout.write(f"  {variant.name}: namespace {variant.namespace_name}, without {stripped}\n    {objects}\n")


def _say(text: str) -> None:
    sys.stderr.write(f"seawall: {text}\n")
