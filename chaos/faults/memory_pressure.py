"""memory-pressure: a neighbour takes the memory that nobody asked for, on the node of some of the target's pods.

It is honest: it asks for all that it will hold, and holds that and no more. On a node where everybody asks for what he
uses, it finds no room, or does no harm. Where the target uses what it never asked for, the scheduler gives the same
memory away a second time, the node runs short, and its kubelet evicts: first of all those who use more than they asked
for, and that is not the neighbour.
"""

from inspect import cleandoc

from chaos.faults.beside import beside, bound
from chaos.faults.clients import MARK, last_round, place, pod
from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params, Sighting, pick_pods
from chaos.faults.kubelets import Memory, asked_by, memory_of
from chaos.journal import Undo
from chaos.kube import Obj
from chaos.needs import STRANGERS, Needs
from chaos.nodes import NODES
from loadgen.units import Size

HOG = "hog"
# Of the way from the kubelet's threshold to an empty node: far enough that the kubelet must act, not so far that the
# kernel does it first.
DEPTH, LEAST_DEPTH = 0.5, 0.1
# What the kernel needs to keep account of the pages: twice what its tables take.
TABLES = 256
MARGIN = Size.parse("16Mi")

# Bytes that are written, or the kernel would not count them. What is held is the kernel's own count.
_PROGRAM = cleandoc(
    """
    import json, time

    MIB = 1024 * 1024

    def held():
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon"))

    kept = []
    while True:
        while (missing := {hold} - held()) > 0:
            kept.append(b"x" * min(missing, 16 * MIB))
        print("{mark}" + json.dumps({"held": str(held())}), flush=True)
        time.sleep(1)
    """
).replace("{mark}", MARK)


class MemoryPressure(Params):
    """There is nothing to choose: how much it takes is up to the node."""


def inject(arena: Arena, params: MemoryPressure) -> list[Injury]:  # noqa: ARG001  # every fault is called alike
    node = str(arena.view.of("Pod")[pick_pods(arena, 1)[0]]["node"])
    near = {name: seen["uid"] for name, seen in arena.view.pods(arena.target).items() if seen["node"] == node}
    hold = how_much(memory_of(arena.kube, node), _asked_by_others(arena, node, set(near)), node)
    home = beside(arena, "neighbour")
    hog = f"{home}/pods/{HOG}"
    number = arena.will_undo(Undo(action="delete-object", path=hog, why=f"end the hog on node {node}"))
    place(arena.kube, home, bound(arena, home, _hog(hold), node))
    asks = str(Size(_request(hold)))
    detail = f"pod {HOG} of namespace {home.rpartition('/')[2]} asks for the {asks} of node {node} that it will hold"
    data = {"hog": hog, "node": node, "pods": near, "hold": hold, "asks": asks}
    return [Injury(target=arena.target, detail=detail, undo=number, data=data)]


def _asked_by_others(arena: Arena, node: str, near: set[str]) -> int:
    """What all pods of the node were promised but for the target's, in bytes."""
    found = arena.kube.list("/api/v1/pods", fieldSelector=f"spec.nodeName={node}")
    own = [p["metadata"]["namespace"] == arena.namespace and p["metadata"]["name"] in near for p in found]
    over = [(p.get("status") or {}).get("phase") in {"Succeeded", "Failed"} for p in found]
    return sum(asked_by(p) for p, ours, done in zip(found, own, over, strict=True) if not ours and not done)


def how_much(memory: Memory, others: int, node: str) -> int:
    """How many bytes a neighbour has to hold to bring the node below the kubelet's threshold, and no lower than that
    the kernel would notice first. Raises `FaultRefused` when as much finds no room, whatever the target asks for.
    """
    room = (memory.allocatable - others) * TABLES // (TABLES + 1)
    depth = min(int(DEPTH * memory.threshold), room - memory.until_pressure)
    if depth < LEAST_DEPTH * memory.threshold:
        raise FaultRefused(
            f"node {node} has room for {Size(max(0, room))} more, and that would not bring it below the "
            f"{Size(memory.threshold)} at which its kubelet evicts: what runs there uses no more than it asked for"
        )
    return max(0, memory.until_pressure) + depth


def _request(hold: int) -> int:
    return hold + hold // TABLES


def _hog(hold: int) -> Obj:
    asked = {"cpu": "20m", "memory": str(_request(hold))}
    resources = {"requests": asked, "limits": {"memory": str(_request(hold) + MARGIN.bytes)}}
    return pod(HOG, _PROGRAM.replace("{hold}", str(hold)), {"resources": resources})


def witness(arena: Arena, params: MemoryPressure, injury: Injury) -> Sighting:  # noqa: ARG001  # see above
    """Whether the node ran short while the hog held what it asked for, or the scheduler had no room for it."""
    hog, node = arena.kube.get(injury.data["hog"]), injury.data["node"]
    if refusal := refused(hog):
        detail = f"the scheduler has no room for a hog of {injury.data['asks']}: {refusal}"
        return Sighting(ok=True, detail=detail, data={"refused": True})
    if (hog.get("status") or {}).get("reason") == "Evicted":
        return Sighting(ok=True, detail=f"the hog was evicted: {hog['status'].get('message', '')}".strip())
    told = last_round(arena.kube, injury.data["hog"])
    if told is None:
        return Sighting(ok=False, detail="the hog told nothing of late")
    held, short = int(told["held"]), _is_short(arena.kube.get(f"{NODES}/{node}"))
    says = "is short of memory" if short else "is not short of memory"
    detail = (
        f"the hog holds {Size(held)} of the {injury.data['asks']} it asked for, and node {node} says that it {says}"
    )
    return Sighting(ok=short and held >= injury.data["hold"], detail=detail, data={"held": held})


def refused(hog: Obj) -> str:
    """The scheduler's words, when it found no memory for the pod."""
    for condition in (hog.get("status") or {}).get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            message = str(condition.get("message", ""))
            return message if "Insufficient memory" in message else ""
    return ""


def _is_short(node: Obj) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "MemoryPressure" and c["status"] == "True" for c in conditions)


MEMORY_PRESSURE = FaultKind(
    name="memory-pressure",
    summary="a neighbour takes the memory that nobody asked for on the node of some of the target's pods",
    params=MemoryPressure,
    exercises=("resources",),
    inject=inject,
    witness=witness,
    node_wide=True,
    asks=Needs(permissions=STRANGERS | {"get nodes", "get nodes/proxy"}),
)
