"""Drives the load of a variant: its pods are made, their logs followed into the recording, and ended gently at last."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from chaos.faults import registry
from chaos.guard import RUN_LABEL, VARIANT_LABEL
from chaos.kube import Kube, KubeError, Obj, Refused
from chaos.nodes import HOSTNAME
from chaos.plan import Plan, VariantPlan
from chaos.recording import Load, Recorder, Trouble
from loadgen.lines import from_line
from loadgen.load import Load as LoadPlan
from loadgen.plan import manifests, pod_names
from loadgen.samples import Sample
from loadgen.units import Duration

COMPONENT = {"app.kubernetes.io/component": "load"}
LOG_IDLE = Duration(30)
LAST_SAMPLES_WITHIN = Duration(8)
GRACE = Duration(5)
AGAIN_EVERY = Duration(0.1)


def load_objects(plan: Plan, variant: VariantPlan, seed: int) -> tuple[Obj, ...]:
    """What makes the load on a variant. The same seed for every variant: the same arrivals."""
    scenario = plan.scenario
    objects = manifests(
        _load(plan, variant, seed),
        name=_name(variant),
        namespace=plan.load_namespace["metadata"]["name"],
        locustfile=scenario.locustfile_path.read_text(encoding="utf-8"),
        labels={RUN_LABEL: plan.run, VARIANT_LABEL: variant.name},
    )
    avoid = [v.node for v in plan.variants if v.node]
    placed = (_elsewhere(obj, avoid) for obj in objects)
    return tuple(_together(obj, plan.run) if registry[scenario.fault_name].node_wide else obj for obj in placed)


def open_load_pods(plan: Plan, variant: VariantPlan) -> tuple[str, ...]:
    """The API paths of the pods in which arrivals follow the clock; none in the closed model."""
    names = pod_names(_load(plan, variant, 0), _name(variant)) if plan.scenario.load.arrivals else []
    return tuple(f"/api/v1/namespaces/{plan.load_namespace['metadata']['name']}/pods/{name}" for name in names)


def _name(variant: VariantPlan) -> str:
    return f"load-{variant.name}"


def _load(plan: Plan, variant: VariantPlan, seed: int) -> LoadPlan:
    load = plan.scenario.load
    return LoadPlan(
        target=_url(variant, load.service),
        timeout=load.timeout,
        arrivals=load.arrivals,
        users=load.users,
        seed=seed,
        workers=load.workers,
    )


def _url(variant: VariantPlan, service: str) -> str:
    found = next(o for o in variant.objects if o["kind"] == "Service" and o["metadata"]["name"] == service)
    return f"http://{service}.{variant.namespace_name}.svc.cluster.local:{found['spec']['ports'][0]['port']}"


def _elsewhere(obj: Obj, avoid: list[str]) -> Obj:
    """A node that belongs to a variant is the variant's alone: the load must neither fill it nor fall with it."""
    if obj["kind"] != "Pod" or not avoid:
        return obj
    term = {"matchExpressions": [{"key": HOSTNAME, "operator": "NotIn", "values": avoid}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
    return {**obj, "spec": {**obj["spec"], "affinity": affinity}}


def _together(obj: Obj, run: str) -> Obj:
    """A node with load on it cannot be lost without losing what measures: as few such nodes as can be."""
    if obj["kind"] != "Pod":
        return obj
    load = {"matchLabels": {RUN_LABEL: run, **COMPONENT}}
    term = {"weight": 100, "podAffinityTerm": {"labelSelector": load, "topologyKey": HOSTNAME}}
    preferred = {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}
    affinity = {**(obj["spec"].get("affinity") or {}), **preferred}
    return {**obj, "spec": {**obj["spec"], "affinity": affinity}}


class NoLoad(KubeError):
    """The load does not flow; without it nothing can be measured."""


@dataclass(eq=False)
class Flow:
    """What has come from the load pods of one variant so far."""

    samples: set[tuple[str, int]] = field(default_factory=set)
    flowing: threading.Event = field(default_factory=threading.Event)

    def take_in(self, sample: Sample) -> bool:
        """False for a sample that was seen before: a log that is read again starts at its beginning."""
        key = (sample.worker, sample.second)
        if key in self.samples:
            return False
        self.samples.add(key)
        if sample.intended:
            self.flowing.set()
        return True

    def await_flow(self, wait: Callable[[Duration], None], within: Duration) -> None:
        """Until load flows. How it fares is for the judge: what went wrong before the baseline does not count."""
        deadline = time.monotonic() + within.seconds
        while not self.flowing.wait(AGAIN_EVERY.seconds) and time.monotonic() < deadline:
            wait(Duration(0))
        if not self.flowing.is_set():
            raise NoLoad(f"no load pod has measured anything within {within}")


@contextmanager
def follow_load(
    kube: Kube, objects: tuple[Obj, ...], namespace: str, variant: str, recorder: Recorder, over: Callable[[], bool]
) -> Iterator[Flow]:
    """Load on the variant for as long as the block runs."""
    flow = Flow()
    pods = [m["metadata"]["name"] for m in objects if m["kind"] == "Pod"]
    for obj in objects:
        kube.create(obj, namespace)
    threads = [
        threading.Thread(target=_follow, args=(kube, namespace, pod, variant, recorder, flow, over), daemon=True)
        for pod in pods
    ]
    for thread in threads:
        thread.start()
    try:
        yield flow
    finally:
        with suppress(KubeError):
            _end(kube, namespace, pods, threads)


def _end(kube: Kube, namespace: str, pods: list[str], threads: list[threading.Thread]) -> None:
    """Ask the load pods to stop, and give the samples of their last seconds the time to arrive."""
    for pod in pods:
        kube.delete(f"/api/v1/namespaces/{namespace}/pods/{pod}", grace=GRACE)
    deadline = time.monotonic() + LAST_SAMPLES_WITHIN.seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _follow(
    kube: Kube, namespace: str, pod: str, variant: str, recorder: Recorder, flow: Flow, over: Callable[[], bool]
) -> None:
    """Read a load pod's log until the pod has ended; when the stream breaks, read it again from the start."""
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
    try:
        while not over() and (phase := _phase(kube, path)) is not None:
            with suppress(KubeError):
                _read_log(kube, path, variant, recorder, flow)
            if phase in {"Succeeded", "Failed"}:
                recorder.write(Trouble, variant, what="the load ended early", detail=f"pod {pod} is {phase}")
                return
            time.sleep(AGAIN_EVERY.seconds)
    except KubeError as error:
        if not over():
            recorder.write(Trouble, variant, what="the load's samples were lost", detail=str(error))


def _phase(kube: Kube, path: str) -> str | None:
    """None when the pod is gone or going: its end is meant."""
    try:
        pod: dict[str, Any] = kube.get(path)
    except Refused as refusal:
        if refusal.code == 404:
            return None
        raise
    return None if "deletionTimestamp" in pod["metadata"] else str(pod["status"].get("phase", ""))


def _read_log(kube: Kube, path: str, variant: str, recorder: Recorder, flow: Flow) -> None:
    for line in kube.lines(f"{path}/log", {"follow": "true"}, read_timeout=LOG_IDLE):
        sample = from_line(line)
        if sample is not None and flow.take_in(sample):
            recorder.write(Load, variant, sample=sample.to_json())
