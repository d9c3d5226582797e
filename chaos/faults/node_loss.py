"""node-loss: a node is cordoned and its pods are deleted by force, without asking any budget: they are simply gone."""

from chaos.faults.kind import Arena, FaultKind, Injury, Params, Sighting, pod_path
from chaos.faults.nodes import busiest, check_room, cordon, is_cordoned, still_there
from loadgen.units import Duration


class NodeLoss(Params):
    """The node with the most pods of the target is lost."""


def inject(arena: Arena, params: NodeLoss) -> list[Injury]:  # noqa: ARG001  # every fault is called alike
    node = busiest(arena, str)
    check_room(arena, {node})
    return lose(arena, [node])


def lose(arena: Arena, nodes: list[str]) -> list[Injury]:
    """Cordon all of them first, so that what one node loses does not move to the next."""
    injuries = [cordon(arena, node) for node in nodes]
    for injury in injuries:
        for pod, uid in injury.data["pods"].items():
            arena.kube.delete(pod_path(arena, pod), uid=uid, grace=Duration(0))
    return injuries


def witness(arena: Arena, params: Params, injury: Injury) -> Sighting:  # noqa: ARG001  # every witness is called alike
    """Is the node shut, and is none of its pods there any more?"""
    node, pods = injury.target, injury.data["pods"]
    if not is_cordoned(arena, node):
        return Sighting(ok=False, detail=f"node {node} is open to pods")
    left = still_there(arena, injury)
    if left:
        return Sighting(ok=False, detail=f"node {node} still runs {', '.join(left)}")
    return Sighting(ok=True, detail=f"node {node} takes no pods, and {len(pods)} of the workload's went with it")


NODE_LOSS = FaultKind(
    name="node-loss",
    summary="a node goes, and every pod of the workload on it without being asked",
    params=NodeLoss,
    exercises=("replicas",),
    inject=inject,
    witness=witness,
    node_wide=True,
)
