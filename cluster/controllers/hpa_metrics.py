"""What each metric of a HorizontalPodAutoscaler says: a proposal with its status, or why there is none, in the words of
kube-controller-manager (the recording of `tables` has some). cpu and memory come from metrics.k8s.io; nobody serves
custom or external metrics here, which is told as on any cluster without an adapter."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cluster.client import Client, Obj
from cluster.controllers.hpa_replicas import Proposal, Sample, Target, Tolerance, Uncountable, propose
from cluster.quantity import format_quantity, millis
from cluster.timestamps import parse_time

PODS = "pods.metrics.k8s.io"


@dataclass(frozen=True, slots=True)
class Scaled:
    """The workload as it is: its pods, how many there should be, and how they are selected."""

    namespace: str
    selector: str
    replicas: int
    pods: Sequence[Obj]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one metric asks for; `name` as events call it, `status` as status.currentMetrics has it."""

    name: str
    replicas: int
    status: Obj


@dataclass(eq=False)
class Unreadable(Exception):
    """`reason` and `message` are those of the condition, `metric` what could not be had."""

    reason: str
    message: str
    metric: str

    def __str__(self) -> str:
        return f"failed to get {self.metric}: {self.message}"


def read(client: Client, metric: Obj, scaled: Scaled, tolerance: Tolerance, now: float) -> Reading:
    """Raises Unreadable."""
    if metric["type"] in _SILENT:
        raise _silent(metric, scaled.namespace)
    target = _target(metric)
    of = f"{target.resource} {'container' if target.container else 'resource'}"
    reason = "FailedGetContainerResourceMetric" if target.container else "FailedGetResourceMetric"
    try:
        samples = _samples(client, scaled, target)
        found = propose(target, scaled.pods, samples, scaled.replicas, tolerance, now)
    except Uncountable as why:
        kind = "usage" if target.utilization is None else "utilization"
        raise Unreadable(reason, f"failed to get {target.resource} {kind}: {why}", f"{of} metric value") from why
    return Reading(_name(target), found.replicas, _status(metric, found))


def _samples(client: Client, scaled: Scaled, target: Target) -> Mapping[str, Sample]:
    found = client.list(PODS, scaled.namespace, labels=scaled.selector)
    samples = {metrics["metadata"]["name"]: _sample(metrics, target) for metrics in found}
    known = {name: sample for name, sample in samples.items() if sample is not None}
    if not known:
        missing = "no metrics returned from resource metrics API"
        raise Uncountable(f"unable to get metrics for resource {target.resource}: {missing}")
    return known


def _sample(metrics: Obj, target: Target) -> Sample | None:
    used = [c["usage"].get(target.resource) for c in metrics["containers"] if target.container in ("", c["name"])]
    if not used or None in used:
        return None
    window = float(metrics["window"].removesuffix("s"))
    return Sample(sum(millis(amount) for amount in used), parse_time(metrics["timestamp"]), window)


def _target(metric: Obj) -> Target:
    source = metric[_key(metric)]
    wanted = source["target"]
    return Target(
        resource=source["name"],
        container=source.get("container", ""),
        utilization=wanted.get("averageUtilization"),
        average=millis(wanted.get("averageValue", "0")),
    )


def _name(target: Target) -> str:
    of = f"{target.resource} container resource" if target.container else f"{target.resource} resource"
    return of if target.utilization is None else f"{of} utilization (percentage of request)"


def _status(metric: Obj, found: Proposal) -> Obj:
    source = metric[_key(metric)]
    current: Obj = {"averageValue": format_quantity(Fraction(found.average, 1000))}
    if found.utilization is not None:
        current["averageUtilization"] = found.utilization
    who = {key: source[key] for key in ("name", "container") if key in source}
    return {"type": metric["type"], _key(metric): {**who, "current": current}}


def _key(metric: Obj) -> str:
    kind: str = metric["type"]
    return kind[0].lower() + kind[1:]


def _custom(_namespace: str, source: Obj) -> str:
    why = "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
    return f"unable to get metric {source['metric']['name']}: {why}"


def _external(namespace: str, source: Obj) -> str:
    name, selector = source["metric"]["name"], source["metric"].get("selector")
    which = f"{namespace}/{name}/{_shown(selector) if selector else 'nil'}"
    missing = f"the server could not find the requested resource (get {name}.external.metrics.k8s.io)"
    return f"unable to get external metric {which}: unable to fetch metrics from external metrics API: {missing}"


def _shown(selector: Obj) -> str:
    labels = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items()))
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{}},}}"
    )


_SILENT: Mapping[str, tuple[str, Callable[[str, Obj], str]]] = {
    "Pods": ("pods metric value", _custom),
    "Object": ("object metric value", _custom),
    "External": ("external metric value", _external),
}


def _silent(metric: Obj, namespace: str) -> Unreadable:
    kind = metric["type"]
    what, message = _SILENT[kind]
    source = metric[_key(metric)]
    named = f"{source['metric']['name']} {what}" if kind == "External" else what
    return Unreadable(f"FailedGet{kind}Metric", message(namespace, source), named)


def highest(readings: Iterable[Reading]) -> Reading:
    """The metric that asks for most."""
    return max(readings, key=lambda reading: reading.replicas)
