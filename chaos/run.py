"""The phases, in order: deploy, baseline, fault, recovery; the variants side by side, each in a thread of its own.

What a run leaves is its recording. Nothing here judges. Whatever happens, Ctrl-C included, ends in healing: the undo of
every change is in the journal before the change is made.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from chaos import recover, show
from chaos.faults import registry
from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Sighting
from chaos.journal import Journal, Undo
from chaos.kube import Kube, KubeError, Obj, Refused
from chaos.loading import follow_load, load_objects, open_load_pods
from chaos.monitoring import ask_monitoring
from chaos.observe import View, observe
from chaos.outsiders import watch_outsiders
from chaos.plan import Plan, VariantPlan
from chaos.recording import Fault, Phase, PhaseName, Recorder, Trouble
from chaos.scenario import Scenario
from loadgen.units import Duration

WITNESS_EVERY = Duration(1)
LOAD_FLOWS_WITHIN = Duration(30)
# Beyond its phases a run may take this long before it is ended: deploying has a deadline of its own.
SLACK = Duration(90)
SHOWN_WITHIN = Duration(3)
WORKLOADS = ("Deployment", "StatefulSet", "ReplicaSet", "DaemonSet")


class Stop:
    """Asks everything to end early, once, with a reason. Waiting on it is how every phase spends its time."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._children: list[Stop] = []
        self.reason = ""

    def __call__(self, reason: str) -> None:
        if not self._event.is_set():
            self.reason = reason
            self._event.set()
        for child in self._children:
            child(reason)

    def child(self) -> "Stop":
        """One run's own among several: it ends with all, and all do not end with it."""
        child = Stop()
        self._children.append(child)
        if self.asked():
            child(self.reason)
        return child

    def asked(self) -> bool:
        return self._event.is_set()

    def wait(self, duration: Duration) -> None:
        """Spend the time; raises `Stopped` as soon as somebody asks to end."""
        if self._event.wait(max(0.0, duration.seconds)):
            raise Stopped(self.reason)


class Stopped(Exception):
    """The run was asked to end early."""


class NotReady(Exception):
    """The workload did not become ready in its time; the message says which pods wait for what."""


@dataclass(eq=False, kw_only=True)
class Run:
    """All that a run works with."""

    scenario: Scenario
    plan: Plan
    kube: Kube
    recorder: Recorder
    journal: Journal
    seed: int
    stop: Stop
    settle: Duration
    """From Ready to the baseline: how long the cluster may take until its Services lead to what is Ready."""
    over: threading.Event = field(default_factory=threading.Event)
    """Set when observing ends: watches that break afterwards are no trouble."""
    undos: list[tuple[int, Undo]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    showing: list[threading.Thread] = field(default_factory=list)
    """Snapshots under way: what they look at must not be deleted meanwhile, nor their recording be closed."""
    agreed: dict[str, str] = field(default_factory=dict)
    choosing: threading.Lock = field(default_factory=threading.Lock)

    def ending(self) -> bool:
        """Whether observing is over, or the run was told to stop: from then on a broken watch is no news."""
        return self.over.is_set() or self.stop.asked()

    def agree(self, what: str, choose: Callable[[], str]) -> str:
        """Something that all variants have in common; the first to ask chooses, before any of them is touched."""
        with self.choosing:
            if what not in self.agreed:
                self.agreed[what] = choose()
            return self.agreed[what]

    def will_undo(self, undo: Undo) -> int:
        with self.lock:
            number = self.journal.will(undo)
            self.undos.append((number, undo))
            return number

    def undo(self, number: int) -> None:
        """Take back one change now rather than at the end."""
        undo = next(u for n, u in self.undos if n == number)
        recover.carry_out(self.kube, undo, self.plan.run)
        with self.lock:
            self.journal.undone(number)
            self.undos = [(n, u) for n, u in self.undos if n != number]


def execute(run: Run) -> list[str]:
    """Run every variant, then heal. Returns what could not be healed (empty: the cluster is as it was before)."""
    try:
        with _time_limit(run), watch_outsiders(run.kube, run.plan.run, run.recorder, run.stop):
            _variants(run)
    except (KubeError, Stopped) as error:
        run.recorder.write(Trouble, what="the run ended early", detail=str(error))
    finally:
        for thread in run.showing:
            thread.join(SHOWN_WITHIN.seconds)
        run.over.set()
        run.kube.hang_up()
        left = heal(run)
    return left


def heal(run: Run) -> list[str]:
    """Undo whatever is left to undo. A cluster that is gone took everything with it if it was the run's own."""
    try:
        left = recover.heal(run.kube, run.journal, list(reversed(run.undos)))
    except KubeError as error:
        if run.journal.header.ephemeral:
            run.journal.healed()
            return []
        run.recorder.write(Trouble, what="not healed", detail=str(error))
        return [f"the cluster cannot be reached to undo the run: {error}; say `seawall recover` when it is back"]
    for difference in left:
        run.recorder.write(Trouble, what="not healed", detail=difference)
    return left


def _variants(run: Run) -> None:
    observe(run.kube, "", "", run.recorder, run.ending)
    _create_namespace(run, run.plan.load_namespace)
    together = threading.Barrier(len(run.plan.variants))
    threads = [
        threading.Thread(target=_variant, args=(run, variant, together), name=f"variant-{variant.name}")
        for variant in run.plan.variants
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _variant(run: Run, variant: VariantPlan, together: threading.Barrier) -> None:
    """One side of the comparison, start to end; whatever goes wrong in it is written down, never lost."""
    try:
        _phases(run, variant, together)
    except Stopped as stopped:
        run.recorder.write(Trouble, variant.name, what="the run was stopped", detail=str(stopped))
    except (KubeError, NotReady) as error:
        run.recorder.write(Trouble, variant.name, what="the variant ended early", detail=str(error))
    finally:
        together.abort()


def _phases(run: Run, variant: VariantPlan, together: threading.Barrier) -> None:
    def begin(phase: PhaseName) -> None:
        run.recorder.write(Phase, variant.name, phase=phase)

    begin("deploy")
    _create_namespace(run, variant.namespace)
    view, _ = observe(run.kube, variant.namespace_name, variant.name, run.recorder, run.ending)
    load_namespace = run.plan.load_namespace["metadata"]["name"]
    pods = load_objects(run.plan, variant, run.seed)
    with follow_load(run.kube, pods, load_namespace, variant.name, run.recorder, run.ending) as load:
        _apply(run, variant, together)
        _await_ready(run, variant, view)
        load.await_flow(run.stop.wait, LOAD_FLOWS_WITHIN)
        run.stop.wait(run.settle)
        _meet(together, run.stop)
        begin("baseline")
        with ask_monitoring(
            run.kube, variant.namespace_name, variant.name, run.scenario.monitoring, run.recorder, run.ending
        ):
            run.stop.wait(run.scenario.phases.baseline)
            _show(run, variant, view, "baseline", [])
            begin("fault")
            with _injured(run, variant, view) as injuries:
                _fault_phase(run, variant, view, injuries)
            begin("recovery")
            run.stop.wait(run.scenario.phases.recovery)
        begin("done")
        _show(run, variant, view, "end", [])


def _meet(together: threading.Barrier, stop: Stop) -> None:
    """The variants share their seconds, so that both meet the same machine. One that fell out is not waited for."""
    try:
        together.wait(timeout=120)
    except threading.BrokenBarrierError:
        stop.wait(Duration(0))


def _create_namespace(run: Run, manifest: Obj) -> None:
    name = manifest["metadata"]["name"]
    path = f"{recover.NAMESPACES}/{name}"
    run.will_undo(Undo(action="delete-namespace", path=path, why=f"delete namespace {name}"))
    run.kube.create(manifest)


def _apply(run: Run, variant: VariantPlan, together: threading.Barrier) -> None:
    """The variants share the nodes: the largest workload of each finds its place before the many small ones do."""
    largest = next((i for i, obj in enumerate(variant.objects, 1) if obj["kind"] in WORKLOADS), 0)
    _create(run, variant, variant.objects[:largest])
    _meet(together, run.stop)
    _create(run, variant, variant.objects[largest:])


def _create(run: Run, variant: VariantPlan, objects: tuple[Obj, ...]) -> None:
    for obj in objects:
        if not run.kube.is_namespaced(obj["apiVersion"], obj["kind"]):
            name = obj["metadata"]["name"]
            path = run.kube.path(obj["apiVersion"], obj["kind"], name=name)
            run.will_undo(Undo(action="delete-object", path=path, why=f"delete {obj['kind']} {name}"))
        create_patiently(run.kube, obj, variant.namespace_name)


def _needs_account(error: BaseException) -> bool:
    """A pod made right after its namespace may find no default ServiceAccount yet."""
    return isinstance(error, Refused) and "serviceaccount" in error.message.lower()


@retry(retry=retry_if_exception(_needs_account), wait=wait_fixed(0.1), stop=stop_after_delay(3), reraise=True)
def create_patiently(kube: Kube, manifest: Obj, namespace: str) -> None:
    """Create an object in a namespace that was made a moment ago. Raises KubeError."""
    kube.create(manifest, namespace)


def _await_ready(run: Run, variant: VariantPlan, view: View) -> None:
    wanted = replicas(variant.objects)
    deadline = time.monotonic() + run.scenario.deadline.seconds

    def missing() -> dict[str, int]:
        ready = {w: sum(p["ready"] for p in view.pods(w).values()) for w in wanted}
        return {w: n - ready[w] for w, n in wanted.items() if ready[w] < n}

    while missing() and time.monotonic() < deadline:
        view.wait(lambda: not missing() or run.stop.asked(), 0.5)
        run.stop.wait(Duration(0))
    if missing():
        raise NotReady(_why_not_ready(missing(), view, run.scenario.deadline))


def replicas(objects: tuple[Obj, ...]) -> dict[str, int]:
    """How many Ready pods each workload should have: "deployment/x" -> replicas (a DaemonSet: at least one)."""
    return {
        f"{o['kind'].lower()}/{o['metadata']['name']}": o["spec"].get("replicas", 1)
        for o in objects
        if o["kind"] in WORKLOADS
    }


def _why_not_ready(missing: dict[str, int], view: View, deadline: Duration) -> str:
    waits = [f"{name}: {_waiting_for(pod)}" for name, pod in sorted(view.of("Pod").items()) if not pod["ready"]]
    short = ", ".join(f"{workload} lacks {n} Ready pod{'s' if n > 1 else ''}" for workload, n in missing.items())
    return f"not ready within {deadline}: {short}; " + "; ".join(waits[:6])


def _waiting_for(pod: Obj) -> str:
    for container in pod["containers"]:
        for state, body in container["state"].items():
            if body.get("reason"):
                return f"{state} {body['reason']} {body.get('message', '')}".strip()
    scheduled = pod["conditions"].get("PodScheduled", {})
    return scheduled.get("reason") or f"{pod['phase']}, not Ready"


@contextmanager
def _injured(run: Run, variant: VariantPlan, view: View) -> Iterator[list[Injury]]:
    """The fault, in force for as long as the block runs; its undo is part of the fault phase's end."""
    kind, params = _fault_of(run.scenario)
    injuries = _inject(run, variant, view, kind, params)
    yield injuries
    for injury in injuries:
        if injury.undo is None:
            continue
        run.undo(injury.undo)
        run.recorder.write(
            Fault, variant.name, fault=kind.name, step="undo", ok=True, target=injury.target, detail=injury.detail
        )


def _fault_of(scenario: Scenario) -> tuple[FaultKind[Any], Any]:
    kind = registry[scenario.fault_name]
    return kind, kind.params.model_validate(scenario.fault_params)


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


def _inject(run: Run, variant: VariantPlan, view: View, kind: FaultKind[Any], params: Any) -> list[Injury]:
    def tell(step: str, injury: Injury) -> None:
        run.recorder.write(
            Fault,
            variant.name,
            fault=kind.name,
            step=step,
            ok=True,
            target=injury.target,
            detail=injury.detail,
            data=injury.data,
        )

    try:
        injuries = kind.inject(_arena(run, variant, view), params)
    except (FaultRefused, KubeError) as error:
        run.recorder.write(Fault, variant.name, fault=kind.name, step="inject", ok=False, detail=str(error))
        return []
    for injury in injuries:
        tell("inject", injury)
    return injuries


def _fault_phase(run: Run, variant: VariantPlan, view: View, injuries: list[Injury]) -> None:
    """Let the storm rage: ask the witness every second, and keep what kubectl shows when it first matters."""
    kind, params = _fault_of(run.scenario)
    arena = _arena(run, variant, view)
    until = time.monotonic() + run.scenario.phases.fault.seconds
    before = _troubles(view)
    shown = False
    while (left := until - time.monotonic()) > 0:
        began = time.monotonic()
        for injury in injuries:
            _go_on(run, variant, kind, arena, params, injury)
            _ask_witness(run, variant, kind, arena, params, injury)
        if not shown and _troubles(view) != before:
            shown = True
            _show(run, variant, view, "first sign", [i.target for i in injuries])
        rest = WITNESS_EVERY.seconds - (time.monotonic() - began)
        run.stop.wait(Duration(min(max(0.0, rest), left)))
    _show(run, variant, view, "end of fault", [i.target for i in injuries])


def _go_on(run: Run, variant: VariantPlan, kind: FaultKind[Any], arena: Arena, params: Any, injury: Injury) -> None:
    def tell(target: str, detail: str, data: dict[str, Any], *, ok: bool) -> None:
        run.recorder.write(
            Fault, variant.name, fault=kind.name, step="act", ok=ok, target=target, detail=detail, data=data
        )

    try:
        for deed in kind.go_on(arena, params, injury) if kind.go_on else ():
            tell(deed.target, deed.detail, deed.data, ok=deed.ok)
    except KubeError as error:
        tell(injury.target, f"the cluster gave no answer: {error}", {}, ok=False)


def _ask_witness(
    run: Run, variant: VariantPlan, kind: FaultKind[Any], arena: Arena, params: Any, injury: Injury
) -> None:
    try:
        seen = kind.witness(arena, params, injury)
    except KubeError as error:
        seen = Sighting(ok=False, detail=f"the witness could not look: {error}")
    run.recorder.write(
        Fault,
        variant.name,
        fault=kind.name,
        step="witness",
        ok=seen.ok,
        target=injury.target,
        detail=seen.detail,
        data=seen.data,
    )


def _troubles(view: View) -> tuple[int, int]:
    """A cheap sign that something happened: warnings so far, and restarts plus pods that are not Ready."""
    pods = view.of("Pod").values()
    hurt = sum(c["restarts"] for p in pods for c in p["containers"]) + sum(not p["ready"] for p in pods)
    return sum(e["count"] for e in view.of("Event").values() if e["type"] == "Warning"), hurt


def _show(run: Run, variant: VariantPlan, view: View, when: str, pods: list[str]) -> None:
    """In the background: what is only shown must not take time from a phase."""
    hurt = [name for name, pod in sorted(view.of("Pod").items()) if when != "baseline" and _was_killed(pod)]
    named = [p for p in dict.fromkeys([*pods, *hurt]) if p in view.of("Pod")][:3]
    thread = threading.Thread(
        target=show.take,
        args=(run.kube, variant.namespace_name, variant.name, run.recorder),
        kwargs={"when": when, "pods": named},
        daemon=True,
    )
    thread.start()
    run.showing.append(thread)


def _was_killed(pod: Obj) -> bool:
    return any("terminated" in {**c["state"], **c["last"]} for c in pod["containers"])


@contextmanager
def _time_limit(run: Run) -> Iterator[None]:
    phases = run.scenario.phases
    seconds = sum(d.seconds for d in (phases.baseline, phases.fault, phases.recovery, run.scenario.deadline, SLACK))
    timer = threading.Timer(seconds, run.stop, args=(f"its time was up after {Duration(seconds)}",))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
