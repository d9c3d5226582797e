"""data-loss: numbered records are written through the app, its pod has to move to another node, and the records are
asked for again.

The node is closed to new pods before the pod is deleted, as a drain does it: so what lies on the node's own disk is
left behind as well, and only what a claim brings along is found. A volume that belongs to the node keeps its pod there,
which then is Pending for as long as the node is closed.

The app's part, as the demo shop's store has it: POST `path` with a JSON body answers `{"number": N}` once the record is
safe, GET `path`/N answers `{"order": <the body>}`. What it acknowledged is what it must still have.
"""

import json
from typing import Any

from pydantic import Field

from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params, Sighting, first_port, pick_pods, pod_path
from chaos.faults.nodes import check_room, cordon, is_cordoned
from chaos.kube import KubeError, Obj, Refused
from chaos.observe import workload_of
from loadgen.units import Duration

ANSWER_WITHIN = Duration(2)


class DataLoss(Params):
    """So many `records` are written, to the app's `path`, before the pod has to move."""

    records: int = Field(default=20, ge=1, le=200)
    path: str = Field(default="/orders", pattern="^/")


def inject(arena: Arena, params: DataLoss) -> list[Injury]:
    name = pick_pods(arena, 1)[0]
    pod = arena.kube.get(pod_path(arena, name))
    node = pod["spec"]["nodeName"]
    check_room(arena, {node})
    written = _write(arena, name, first_port(pod), params)
    lost = _missing(arena, name, first_port(pod), params, written)
    if lost:
        raise FaultRefused(f"pod {name} acknowledged {len(written)} records and does not give {len(lost)} of them back")
    shut = cordon(arena, node)
    # The deletion itself is not to be undone: the workload's controller replaces the pod.
    arena.kube.delete(pod_path(arena, name), uid=pod["metadata"]["uid"])
    data = {
        "pod": name,
        "uid": pod["metadata"]["uid"],
        "node": node,
        "asked": params.records,
        "acknowledged": [[number, mark] for number, mark in written.items()],
    }
    detail = f"pod {name} acknowledged {len(written)} of {params.records} records and had to leave node {node}"
    return [Injury(target=name, detail=detail, undo=shut.undo, data=data)]


def _write(arena: Arena, pod: str, port: int, params: DataLoss) -> dict[int, str]:
    """Number and mark of every record that was acknowledged. Raises `FaultRefused` when none was."""
    written, problem = {}, ""
    for i in range(params.records):
        mark = f"seawall-{arena.random.getrandbits(48):012x}-{i}"
        try:
            answer = _ask(arena, "POST", pod, port, params.path, {"mark": mark})
            written[int(answer["number"])] = mark
        except (KubeError, KeyError, TypeError, ValueError) as error:
            problem = str(error)
    if not written:
        raise FaultRefused(
            f"pod {pod} acknowledged no record at POST {params.path} ({problem}); this fault needs an app that takes "
            'JSON there and answers {"number": N}, as the store of the demo shop does'
        )
    return written


def _missing(arena: Arena, pod: str, port: int, params: DataLoss, written: dict[int, str]) -> list[int]:
    """The records that the pod does not give back. Raises KubeError when it cannot be asked."""
    return [n for n, mark in written.items() if not _has(arena, pod, port, f"{params.path}/{n}", mark)]


def _has(arena: Arena, pod: str, port: int, path: str, mark: str) -> bool:
    try:
        answer = _ask(arena, "GET", pod, port, path)
    except Refused as refusal:
        if refusal.code == 404:
            return False
        raise
    order = answer.get("order") if isinstance(answer, dict) else None
    return isinstance(order, dict) and order.get("mark") == mark


def _ask(arena: Arena, method: str, pod: str, port: int, path: str, body: Obj | None = None) -> Any:
    proxied = f"{pod_path(arena, pod)}:{port}/proxy{path}"
    return json.loads(arena.kube.request(method, proxied, body=body, timeout=ANSWER_WITHIN, accept="*/*"))


def witness(arena: Arena, params: DataLoss, injury: Injury) -> Sighting:
    """Is the pod gone that wrote them, and what does the pod in its place give back?"""
    pods = [p for p in arena.kube.list(f"/api/v1/namespaces/{arena.namespace}/pods") if workload_of(p) == arena.target]
    if any(p["metadata"]["uid"] == injury.data["uid"] for p in pods):
        return Sighting(ok=False, detail=f"pod {injury.target} is still there")
    if not is_cordoned(arena, injury.data["node"]):
        return Sighting(ok=False, detail=f"node {injury.data['node']} is open to pods, so nothing had to move")
    successor = next((p for p in sorted(pods, key=_age) if _is_ready(p)), None)
    gone = f"pod {injury.target} is gone from node {injury.data['node']}"
    if successor is None:
        return Sighting(ok=True, detail=f"{gone}, and no other is Ready yet")
    return Sighting(ok=True, **_read_back(arena, params, injury, successor, gone))


def _read_back(arena: Arena, params: DataLoss, injury: Injury, pod: Obj, gone: str) -> dict[str, Any]:
    name, written = pod["metadata"]["name"], dict(injury.data["acknowledged"])
    try:
        missing = _missing(arena, name, first_port(pod), params, written)
    except (KubeError, ValueError) as error:
        return {"detail": f"{gone}, and pod {name} could not be asked: {error}"}
    found = len(written) - len(missing)
    node = pod["spec"].get("nodeName", "")
    detail = f"{gone}; pod {name} on {node} has {found} of {len(written)} acknowledged records"
    return {"detail": detail, "data": {"pod": name, "node": node, "found": found, "missing": missing}}


def _age(pod: Obj) -> str:
    return str(pod["metadata"]["creationTimestamp"])


def _is_ready(pod: Obj) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any((c["type"], c["status"]) == ("Ready", "True") for c in conditions) and not _is_going(pod)


def _is_going(pod: Obj) -> bool:
    return "deletionTimestamp" in pod["metadata"]


DATA_LOSS = FaultKind(
    name="data-loss",
    summary="records are written through the app, its pod has to move to another node, and they are asked for again",
    params=DataLoss,
    exercises=("storage",),
    inject=inject,
    witness=witness,
    node_wide=True,
)
