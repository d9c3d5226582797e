"""Which nodes can take a pod, and why others cannot, in the words of kube-scheduler. Pure.

Filters are asked in kube-scheduler's order; the first that refuses a node gives the reason. A refusal is `final` where
removing pods from the node could not help (UnschedulableAndUnresolvable).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cluster.client import Obj
from cluster.scheduler.facts import NodeFacts, PodFacts, Port
from cluster.selectors import Requirement
from cluster.taints import is_tolerated

NO_PORTS = "node(s) didn't have free ports for the requested pod ports"
TOO_MANY = "Too many pods"

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - compared, not listened on


@dataclass(frozen=True, slots=True)
class Refusal:
    reasons: tuple[str, ...]
    final: bool


Filter = Callable[[PodFacts, NodeFacts], Refusal | None]


def refusals(
    pod: PodFacts, nodes: Sequence[NodeFacts], filters: Sequence[Filter]
) -> tuple[list[NodeFacts], dict[str, Refusal]]:
    """The nodes that can take the pod, and the others by name with what speaks against them."""
    feasible, refused = [], {}
    for node in nodes:
        refusal = next((r for f in filters if (r := f(pod, node)) is not None), None)
        if refusal is None:
            feasible.append(node)
        else:
            refused[node.name] = refusal
    return feasible, refused


def schedulable(pod: PodFacts, node: NodeFacts) -> Refusal | None:
    if not (node.obj.get("spec") or {}).get("unschedulable"):
        return None
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    return None if is_tolerated(taint, pod.tolerations) else _final("node(s) were unschedulable")


def tolerated(pod: PodFacts, node: NodeFacts) -> Refusal | None:
    for taint in node.taints:
        if taint["effect"] != "PreferNoSchedule" and not is_tolerated(taint, pod.tolerations):
            return _final("node(s) had untolerated taint(s)")
    return None


def affine(pod: PodFacts, node: NodeFacts) -> Refusal | None:
    return None if matches_node(pod, node) else _final("node(s) didn't match Pod's node affinity/selector")


def ports_free(pod: PodFacts, node: NodeFacts) -> Refusal | None:
    if pod.ports and any(_conflict(a, b) for other in node.pods.values() for a in other.ports for b in pod.ports):
        return Refusal((NO_PORTS,), final=False)
    return None


def fits(pod: PodFacts, node: NodeFacts) -> Refusal | None:
    """Requests against what the node has to give, less what its pods request."""
    lacking = list(_lacking(pod, node))
    if not lacking:
        return None
    return Refusal(tuple(reason for reason, _ in lacking), final=any(never for _, never in lacking))


def matches_node(pod: PodFacts, node: NodeFacts) -> bool:
    """The pod's nodeSelector and required node affinity."""
    selector: Mapping[str, str] = pod.spec.get("nodeSelector") or {}
    if any(node.labels.get(key) != value for key, value in selector.items()):
        return False
    affinity = (pod.spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or matches_node_selector(required, node)


def matches_node_selector(selector: Obj, node: NodeFacts) -> bool:
    """A NodeSelector: any of its terms; an empty term matches nothing."""
    return any(matches_term(term, node) for term in selector.get("nodeSelectorTerms") or ())


def matches_term(term: Obj, node: NodeFacts) -> bool:
    labels, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not labels and not fields:
        return False
    return all(_requirement(e).matches(node.labels) for e in labels) and all(
        _requirement(e).matches({"metadata.name": node.name}) for e in fields
    )


NODE_FILTERS: Sequence[Filter] = (schedulable, tolerated, affine, ports_free, fits)


def _lacking(pod: PodFacts, node: NodeFacts) -> Iterator[tuple[str, bool]]:
    """Each reason, and whether even the empty node would lack it."""
    room = node.allocatable.get("pods", 0)
    if len(node.pods) + 1 > room:
        yield TOO_MANY, room == 0
    for name, wanted in sorted(pod.requests.items()):
        there = node.allocatable.get(name, 0)
        if wanted and wanted > there - node.taken.get(name, 0):
            yield f"Insufficient {name}", wanted > there


def _conflict(a: Port, b: Port) -> bool:
    return a[1:] == b[1:] and (a[0] == b[0] or ANY_ADDRESS in (a[0], b[0]))


def _requirement(expression: Obj) -> Requirement:
    return Requirement(expression["key"], expression["operator"], frozenset(expression.get("values") or ()))


def _final(reason: str) -> Refusal:
    return Refusal((reason,), final=True)
