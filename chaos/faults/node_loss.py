"""node-loss: a node and its pods are gone, without asking any budget.

Where nodes can lose their power (`chaos.nodes.POWER`), this one does: its network is cut and its processes die with no
SIGTERM. Its pods are then deleted by force, as a cloud's node controller does for a machine that it finds no more.
Elsewhere a cordon and the deletion have to do.
"""

import time
from dataclasses import replace

from chaos.faults.kind import Arena, FaultKind, Injury, Params, Sighting, pod_path
from chaos.faults.nodes import busiest, can_be_cut_off, check_room, cordon, cut_off, is_cordoned, still_there
from chaos.kube import Obj, Refused, Unreachable
from chaos.needs import CORDON, Needs
from chaos.nodes import NODES, has_power
from loadgen.units import Duration

SILENT_WITHIN = Duration(5)
ASK_TIMEOUT = Duration(2)
ASK_AGAIN = Duration(0.05)


class NodeLoss(Params):
    """The node with the most pods of the target is lost."""


def inject(arena: Arena, params: NodeLoss) -> list[Injury]:  # noqa: ARG001  # every fault is called alike
    node = busiest(arena, str)
    check_room(arena, {node})
    return lose(arena, [node])


def lose(arena: Arena, nodes: list[str]) -> list[Injury]:
    """Close all of them first, so that what one node loses does not move to the next."""
    injuries = [cut_off(arena, node) if can_be_cut_off(arena, node) else cordon(arena, node) for node in nodes]
    injuries = [injury if has_power(_node(arena, injury)) else _silenced(arena, injury) for injury in injuries]
    for injury in injuries:
        for pod, uid in injury.data["pods"].items():
            arena.kube.delete(pod_path(arena, pod), uid=uid, grace=Duration(0))
    return injuries


def _node(arena: Arena, injury: Injury) -> Obj:
    return arena.kube.get(f"{NODES}/{injury.target}")


def _silenced(arena: Arena, injury: Injury) -> Injury:
    """The injury, once its node's kubelet is not there to be asked any more."""
    deadline = time.monotonic() + SILENT_WITHIN.seconds
    while (said := _silence(arena, injury)) is None and time.monotonic() < deadline:
        time.sleep(ASK_AGAIN.seconds)
    return replace(injury, data={**injury.data, "silence": said or ""})


def _silence(arena: Arena, injury: Injury) -> str | None:
    """What the API server says when it cannot ask the node for a pod's log; None as long as the node answers."""
    pod = next(iter(injury.data["pods"]), "")
    if not pod:
        return "it had no pod to ask for"
    query = {"limitBytes": 1}
    try:
        arena.kube.request("GET", f"{pod_path(arena, pod)}/log", query=query, accept="*/*", timeout=ASK_TIMEOUT)
    except Unreachable as error:
        cause = error.__cause__
        return cause.message if isinstance(cause, Refused) and cause.code >= 500 else None
    except Refused:
        return None
    return None


def witness(arena: Arena, params: Params, injury: Injury) -> Sighting:  # noqa: ARG001  # every witness is called alike
    """Is the node shut, and is none of its pods there any more?"""
    node, pods = injury.target, injury.data["pods"]
    if not is_cordoned(arena, node):
        return Sighting(ok=False, detail=f"node {node} is open to pods")
    left = still_there(arena, injury)
    if left:
        return Sighting(ok=False, detail=f"node {node} still runs {', '.join(left)}")
    went = f"{len(pods)} of the workload's went with it"
    if "silence" not in injury.data:
        return Sighting(ok=True, detail=f"node {node} takes no pods, and {went}")
    if has_power(_node(arena, injury)) or not injury.data["silence"]:
        return Sighting(ok=False, detail=f"node {node} has power")
    return Sighting(ok=True, detail=f"node {node} is dead ({injury.data['silence']}), and {went}")


NODE_LOSS = FaultKind(
    name="node-loss",
    summary="a node goes, and every pod of the workload on it without being asked",
    params=NodeLoss,
    exercises=("replicas",),
    inject=inject,
    witness=witness,
    node_wide=True,
    asks=Needs(nodes=2, permissions=CORDON),
)
