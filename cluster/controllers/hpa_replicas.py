"""How many replicas one metric asks for. Pure.

The algorithm of the Kubernetes page on horizontal pod autoscaling: the replicas that there are times the ratio of what
is used to what is wanted. Pods without metrics and pods not yet ready are first left out, then counted against the
direction of the change: nothing used when scaling up, all of it when scaling down. Amounts are thousandths.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cluster.client import Obj
from cluster.objects import condition, is_going
from cluster.quantity import millis
from cluster.timestamps import parse_time

CPU_INITIALIZATION_SECONDS = 300.0
INITIAL_READINESS_SECONDS = 30.0


class Uncountable(Exception):
    """The metric says nothing about a number of replicas; the message is the controller's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is wanted of a resource: a share of its request in per cent, or an amount for each pod."""

    resource: str
    container: str = ""
    """The only container that counts; "" is the whole pod."""
    utilization: int | None = None
    average: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """What one pod uses: the mean of `window` seconds up to `at`."""

    amount: int
    at: float
    window: float


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far the ratio may be from one before anything is done."""

    down: Fraction = Fraction(1, 10)
    up: Fraction = Fraction(1, 10)

    def allows(self, ratio: Fraction) -> bool:
        return 1 - self.down <= ratio <= 1 + self.up


@dataclass(frozen=True, slots=True)
class Proposal:
    """A number of replicas, and what it was made of."""

    replicas: int
    average: int
    utilization: int | None = None


@dataclass(frozen=True, slots=True)
class _Groups:
    counted: Sequence[str]
    unready: Sequence[str]
    missing: Sequence[str]


def propose(
    target: Target, pods: Sequence[Obj], samples: Mapping[str, Sample], current: int, tolerance: Tolerance, now: float
) -> Proposal:
    """What `samples` (by pod name) of `pods` ask for, of which there should be `current`. Raises Uncountable."""
    if not pods:
        raise Uncountable("no pods returned by selector while calculating replica count")
    groups = _group(target, pods, samples, now)
    wanted = {pod["metadata"]["name"]: _wanted(target, pod) for pod in pods}
    if not groups.counted:
        raise Uncountable("did not receive metrics for targeted pods (pods might be unready)")
    used = {name: samples[name].amount for name in groups.counted}
    ratio = _ratio(target, used, wanted)
    return Proposal(
        _replicas(target, groups, used, wanted, current, tolerance),
        sum(used.values()) // len(used),
        None if target.utilization is None else int(ratio * target.utilization),
    )


def _replicas(
    target: Target,
    groups: _Groups,
    used: Mapping[str, int],
    wanted: Mapping[str, int],
    current: int,
    tolerance: Tolerance,
) -> int:
    ratio = _ratio(target, used, wanted)
    late = groups.unready if ratio > 1 else ()
    if not late and not groups.missing:
        return current if tolerance.allows(ratio) else math.ceil(ratio * len(used))
    guessed = dict.fromkeys(late, 0)
    if ratio != 1:
        guessed |= {name: _worst(target, wanted[name]) if ratio < 1 else 0 for name in groups.missing}
    everything = {**used, **guessed}
    with_all = _ratio(target, everything, wanted)
    turned = (ratio < 1 < with_all) or (with_all < 1 < ratio)
    replicas = math.ceil(with_all * len(everything))
    backwards = (with_all < 1 and replicas > current) or (with_all > 1 and replicas < current)
    return current if tolerance.allows(with_all) or turned or backwards else replicas


def _ratio(target: Target, used: Mapping[str, int], wanted: Mapping[str, int]) -> Fraction:
    if target.utilization is None:
        return Fraction(sum(used.values()) // len(used), target.average)
    requested = sum(wanted[name] for name in used)
    if not requested:
        raise Uncountable("no metrics returned matched known pods")
    return Fraction(sum(used.values()) * 100 // requested, target.utilization)


def _worst(target: Target, wanted: int) -> int:
    """What a pod that nobody has seen is taken to use when it would be easy to scale down."""
    return wanted if target.utilization is None else wanted * max(100, target.utilization) // 100


def _wanted(target: Target, pod: Obj) -> int:
    """The pod's request, or what it is meant to use."""
    if target.utilization is None:
        return target.average
    return sum(_request(target, container, pod) for container in _containers(target, pod))


def _containers(target: Target, pod: Obj) -> Sequence[Obj]:
    sidecars = [c for c in pod["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"]
    every = [*pod["spec"]["containers"], *sidecars]
    found = [c for c in every if target.container in ("", c["name"])]
    if not found:
        raise Uncountable(f"container {target.container} not present in metrics for pod {pod['metadata']['name']}")
    return found


def _request(target: Target, container: Obj, pod: Obj) -> int:
    requested = ((container.get("resources") or {}).get("requests") or {}).get(target.resource)
    if requested is None:
        where = f"container {container['name']} of Pod {pod['metadata']['name']}"
        raise Uncountable(f"missing request for {target.resource} in {where}")
    return millis(requested)


def _group(target: Target, pods: Sequence[Obj], samples: Mapping[str, Sample], now: float) -> _Groups:
    groups: dict[str, list[str]] = {"counted": [], "unready": [], "missing": [], "ignored": []}
    for pod in pods:
        name = pod["metadata"]["name"]
        groups[_group_of(target, pod, samples.get(name), now)].append(name)
    return _Groups(groups["counted"], groups["unready"], groups["missing"])


def _group_of(target: Target, pod: Obj, sample: Sample | None, now: float) -> str:
    phase = (pod.get("status") or {}).get("phase")
    if is_going(pod) or phase == "Failed":
        return "ignored"
    if phase == "Pending":
        return "unready"
    if sample is None:
        return "missing"
    return "unready" if target.resource == "cpu" and _is_warming_up(pod, sample, now) else "counted"


def _is_warming_up(pod: Obj, sample: Sample, now: float) -> bool:
    """Whether the processor time of a pod is that of its start, which says nothing about the load."""
    ready, started = condition(pod, "Ready"), pod["status"].get("startTime")
    if ready is None or started is None:
        return True
    changed_at, started_at = parse_time(ready["lastTransitionTime"]), parse_time(started)
    is_unready = ready["status"] == "False"
    if started_at + CPU_INITIALIZATION_SECONDS > now:
        return is_unready or sample.at < changed_at + sample.window
    return is_unready and started_at + INITIAL_READINESS_SECONDS > changed_at
