"""Whether a node takes a pod that was bound to it: the scheduler's questions, asked once more.

The scheduler asked them of an older picture of the node, and whoever writes spec.nodeName by hand asked nothing.
"""

from collections.abc import Iterable, Iterator

from cluster.client import Obj
from cluster.kubelet.classes import class_of
from cluster.kubelet.status import Failure
from cluster.objects import is_pod_finished
from cluster.scheduler.facts import NodeFacts, PodFacts
from cluster.scheduler.filters import affine, ports_free
from cluster.taints import is_tolerated

_OWN = ("cpu", "memory", "ephemeral-storage")
_PRESSURE: Obj = {"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}
# From here on priorities are those of what the cluster itself cannot do without.
_CRITICAL = 2_000_000_000


def pressed(pod: Obj) -> Failure | None:
    """Why a node that is low on memory does not take a pod: it asks for none, so it would be the next to be evicted."""
    facts = PodFacts(pod)
    if class_of(pod) != "BestEffort" or facts.priority >= _CRITICAL or is_tolerated(_PRESSURE, facts.tolerations):
        return None
    return Failure(reason="Evicted", message="The node had condition: [MemoryPressure]. ")


def refusal(node: Obj, present: Iterable[Obj], pod: Obj) -> Failure | None:
    """Why the node does not take the pod beside those that are there already; None if it does."""
    return next(_refusals(_facts(node, present), PodFacts(pod)), None)


def shortage(node: Obj, others: Iterable[Obj], pod: Obj) -> Failure | None:
    """What the node lacks to give a pod on it what its spec asks for now, beside the others; None if nothing."""
    return next(_lacking(_facts(node, others), PodFacts({**pod, "status": {}})), None)


def _facts(node: Obj, present: Iterable[Obj]) -> NodeFacts:
    facts = NodeFacts(node)
    for other in present:
        if not is_pod_finished(other):
            facts.add(PodFacts(other))
    return facts


def _refusals(node: NodeFacts, pod: PodFacts) -> Iterator[Failure]:
    yield from _lacking(node, pod)
    for name, question in (("NodeAffinity", affine), ("NodePorts", ports_free)):
        if refused := question(pod, node):
            yield Failure(reason=name, message=f"Predicate {name} failed: {refused.reasons[0]}")
    if any(t["effect"] == "NoExecute" and not is_tolerated(t, pod.tolerations) for t in node.taints):
        why = "node(s) had taints that the pod didn't tolerate"
        yield Failure(reason="TaintToleration", message=f"Predicate TaintToleration failed: {why}")


def _lacking(node: NodeFacts, pod: PodFacts) -> Iterator[Failure]:
    """Resources that the node has never heard of do not count: they are a scheduler's affair."""
    room = node.allocatable.get("pods", 0)
    if len(node.pods) + 1 > room:
        yield _out_of("pods", 1, len(node.pods), room)
    others = sorted(pod.requests.keys() - set(_OWN))
    for name in (*_OWN, *(name for name in others if name in node.allocatable)):
        wanted, used, room = pod.requests.get(name, 0), node.taken.get(name, 0), node.allocatable.get(name, 0)
        if wanted and wanted > room - used:
            yield _out_of(name, wanted, used, room)


def _out_of(name: str, wanted: int, used: int, room: int) -> Failure:
    amounts = f"requested: {wanted}, used: {used}, capacity: {room}"
    return Failure(reason=f"OutOf{name}", message=f"Node didn't have enough resource: {name}, {amounts}")
