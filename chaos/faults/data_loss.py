"""data-loss: numbered records are written through the app, its pod has to move to another node, and the records are
asked for again.

The node is closed to new pods before the pod is deleted, as a drain does it: so what lies on the node's own disk is
left behind as well, and only what a claim brings along is found. A volume that belongs to the node keeps its pod there,
which then is Pending for as long as the node is closed.
"""

from pydantic import Field

from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params, Sighting, pick_pods, pod_path
from chaos.faults.nodes import check_room, cordon, is_cordoned
from chaos.faults.records import RECORDS, is_serving, missing, pods_of_target, read_back, write
from chaos.needs import CORDON, PROXY, Needs


class DataLoss(Params):
    """So many `records` are written, to the app's `path`, before the pod has to move."""

    records: int = Field(default=20, ge=1, le=200)
    path: str = Field(default="/orders", pattern="^/")


def inject(arena: Arena, params: DataLoss) -> list[Injury]:
    name = pick_pods(arena, 1)[0]
    pod = arena.kube.get(pod_path(arena, name))
    node, uid = pod["spec"]["nodeName"], pod["metadata"]["uid"]
    check_room(arena, {node})
    written = write(arena, pod, params.path, params.records)
    if lost := missing(arena, pod, params.path, written):
        raise FaultRefused(f"pod {name} acknowledged {len(written)} records and does not give {len(lost)} of them back")
    shut = cordon(arena, node)
    # The deletion itself is not to be undone: the workload's controller replaces the pod.
    arena.kube.delete(pod_path(arena, name), uid=uid)
    data = {"pod": name, "uid": uid, "node": node, "asked": params.records, "acknowledged": written}
    detail = f"pod {name} acknowledged {len(written)} of {params.records} records and had to leave node {node}"
    return [Injury(target=name, detail=detail, undo=shut.undo, data=data)]


def witness(arena: Arena, params: DataLoss, injury: Injury) -> Sighting:
    """Is the pod gone that wrote them, and what does the pod in its place give back?"""
    node, pods = injury.data["node"], pods_of_target(arena)
    if any(p["metadata"]["uid"] == injury.data["uid"] for p in pods):
        return Sighting(ok=False, detail=f"pod {injury.target} is still there")
    if not is_cordoned(arena, node):
        return Sighting(ok=False, detail=f"node {node} is open to pods, so nothing had to move")
    gone = f"pod {injury.target} is gone from node {node}"
    successor = next((p for p in pods if is_serving(p)), None)
    if successor is None:
        return Sighting(ok=True, detail=f"{gone}, and no other is Ready yet")
    told, figures = read_back(arena, successor, params.path, injury.data["acknowledged"], gone)
    return Sighting(ok=True, detail=told, data=figures)


DATA_LOSS = FaultKind(
    name="data-loss",
    summary="records are written through the app, its pod has to move to another node, and they are asked for again",
    params=DataLoss,
    exercises=("storage",),
    inject=inject,
    witness=witness,
    needs=RECORDS,
    node_wide=True,
    asks=Needs(nodes=2, permissions=CORDON | PROXY),
)
