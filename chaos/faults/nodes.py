"""What the faults of whole nodes share: which node, cordon and its undo, which pods are the variant's own.

A node belongs to everybody, so only the cordon reaches it; of the pods on it only those of the variant's own namespace
are touched, and never those of a DaemonSet, which a drain leaves alone too.
"""

from collections import Counter
from collections.abc import Callable

from chaos.faults.kind import Arena, FaultRefused, Injury
from chaos.guard import RUN_LABEL, VARIANT_LABEL
from chaos.journal import Undo
from chaos.kube import Obj
from chaos.nodes import NODES, POWER, can_lose_power, nodes_for_pods
from chaos.observe import workload_of

NAMESPACES = "/api/v1/namespaces"
Crowd = Counter[str]
"""How many of the target's pods are at each place."""


def busiest(arena: Arena, place_of_node: Callable[[str], str]) -> str:
    """The place (a node, a zone) that the storm strikes: one where every variant has pods, so that all of them meet it.

    Where there is none, this variant's own busiest. Raises `FaultRefused` when the target runs nowhere.
    """
    agreed = arena.agree("place", lambda: _in_common(arena, _crowds(arena, place_of_node)))
    if agreed:
        return agreed
    own = _crowd(arena, arena.namespace, place_of_node)
    if not own:
        raise FaultRefused(f"{arena.target} has no pod on any node, so there is no node to take from it")
    return _pick(arena, own)


def _in_common(arena: Arena, crowds: list[Crowd]) -> str:
    shared = set.intersection(*(set(crowd) for crowd in crowds)) if crowds else set()
    return _pick(arena, Counter({place: sum(c[place] for c in crowds) for place in shared})) if shared else ""


def _pick(arena: Arena, crowd: Crowd) -> str:
    most = max(crowd.values())
    return arena.random.choice(sorted(place for place, n in crowd.items() if n == most))


def _crowds(arena: Arena, place_of_node: Callable[[str], str]) -> list[Crowd]:
    return [_crowd(arena, name, place_of_node) for name in _namespaces(arena)]


def _namespaces(arena: Arena) -> list[str]:
    """The namespaces of all variants of the run."""
    labels = arena.kube.get(f"{NAMESPACES}/{arena.namespace}")["metadata"].get("labels") or {}
    if RUN_LABEL not in labels:
        return [arena.namespace]
    found = arena.kube.list(NAMESPACES, labelSelector=f"{RUN_LABEL}={labels[RUN_LABEL]},{VARIANT_LABEL}")
    return sorted(namespace["metadata"]["name"] for namespace in found)


def _crowd(arena: Arena, namespace: str, place_of_node: Callable[[str], str]) -> Crowd:
    pods = arena.kube.list(f"{NAMESPACES}/{namespace}/pods")
    nodes = (pod["spec"].get("nodeName", "") for pod in pods if workload_of(pod) == arena.target and not going(pod))
    return Counter(place for node in nodes if node and (place := place_of_node(node)))


def going(pod: Obj) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def check_room(arena: Arena, taken: set[str]) -> None:
    """Raises `FaultRefused` when the pods would have nowhere to go."""
    if not set(nodes_for_pods(arena.kube)) - taken:
        raise FaultRefused(f"no other node than {', '.join(sorted(taken))} takes pods, so nothing could move there")


def cordon(arena: Arena, name: str) -> Injury:
    """Close the node to new pods. It was open: the target's pods were put there a moment ago.

    The injury names the variant's own pods on the node, each with its uid.
    """
    shut, opened = {"spec": {"unschedulable": True}}, {"spec": {"unschedulable": None}}
    return _change(arena, name, shut, opened, "cordoned", f"open node {name} to pods again")


def cut_off(arena: Arena, name: str) -> Injury:
    """Take the node's power, and close it, so that nothing is sent to a node that does not answer."""
    shut = {"spec": {"unschedulable": True}, "metadata": {"annotations": {POWER: "off"}}}
    opened = {"spec": {"unschedulable": None}, "metadata": {"annotations": {POWER: "on"}}}
    return _change(arena, name, shut, opened, "cut off", f"give node {name} its power back")


def can_be_cut_off(arena: Arena, name: str) -> bool:
    """Whether the node does as its annotation says, and nothing runs there but the variants and DaemonSets: what
    measures the storm, and whoever else is there, must not die in it."""
    if not can_lose_power(arena.kube.get(f"{NODES}/{name}")):
        return False
    pods = arena.kube.list("/api/v1/pods", fieldSelector=f"spec.nodeName={name}")
    ours = set(_namespaces(arena))
    return all(p["metadata"]["namespace"] in ours or workload_of(p).startswith("daemonset/") for p in pods)


def _change(arena: Arena, name: str, shut: Obj, opened: Obj, done: str, why: str) -> Injury:
    node = arena.kube.get(f"{NODES}/{name}")
    pods = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in own_pods(arena, name)}
    undo = Undo(
        action="merge",
        path=f"{NODES}/{name}",
        uid=node["metadata"]["uid"],
        patch=opened,
        why=why,
    )
    number = arena.will_undo(undo)
    arena.kube.merge(undo.path, shut)
    detail = f"node {name} was {done}, with {len(pods)} pod{'' if len(pods) == 1 else 's'} on it"
    return Injury(target=name, detail=detail, undo=number, data={"node": name, "pods": pods})


def is_cordoned(arena: Arena, name: str) -> bool:
    return bool((arena.kube.get(f"{NODES}/{name}").get("spec") or {}).get("unschedulable"))


def own_pods(arena: Arena, node: str) -> list[Obj]:
    """The variant's pods on a node, those of DaemonSets left out."""
    pods = arena.kube.list(f"{NAMESPACES}/{arena.namespace}/pods", fieldSelector=f"spec.nodeName={node}")
    return [pod for pod in pods if not going(pod) and not workload_of(pod).startswith("daemonset/")]


def still_there(arena: Arena, injury: Injury) -> list[str]:
    """The pods of the injury that stay where they were and are not on their way out."""
    now = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in own_pods(arena, injury.data["node"])}
    return sorted(name for name, uid in injury.data["pods"].items() if now.get(name) == uid)
