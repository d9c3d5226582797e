"""Numbered records, written through the app and asked for again: what the storms on storage count.

The app's part, as the demo shop's store has it: POST `path` with a JSON body answers `{"number": N}` once the record is
safe, GET `path`/N answers `{"order": <the body>}`. What it acknowledged is what it must still have, under that number.
"""

import json
from typing import Any

from chaos.faults.kind import Arena, FaultRefused, first_port, pod_path
from chaos.kube import KubeError, Obj, Refused
from chaos.observe import workload_of
from loadgen.units import Duration

ANSWER_WITHIN = Duration(2)
RECORDS = 'an app that takes JSON by POST and answers {"number": N}, as the store of the demo shop does'
Written = list[tuple[int, str]]
"""Number and mark of every record that was acknowledged; a number may have been given twice."""


def write(arena: Arena, pod: Obj, path: str, count: int) -> Written:
    """Write `count` records through a pod. Raises `FaultRefused` when it acknowledged none."""
    written, problem = Written(), ""
    for _ in range(count):
        try:
            written.append(write_one(arena, pod, path))
        except (KubeError, KeyError, TypeError, ValueError) as error:
            problem = str(error)
    if not written:
        raise FaultRefused(
            f"pod {pod['metadata']['name']} acknowledged no record at POST {path} ({problem}); "
            f"this fault needs {RECORDS}"
        )
    return written


def write_one(arena: Arena, pod: Obj, path: str) -> tuple[int, str]:
    """Raises KubeError, KeyError, TypeError or ValueError when the record was not acknowledged."""
    mark = f"seawall-{arena.random.getrandbits(64):016x}"
    answer = _ask(arena, "POST", pod, path, {"mark": mark})
    return int(answer["number"]), mark


def missing(arena: Arena, pod: Obj, path: str, written: Written) -> list[int]:
    """The numbers under which the pod has nothing, or another record. Raises KubeError when it cannot be asked."""
    return [number for number, mark in written if not _has(arena, pod, f"{path}/{number}", mark)]


def _has(arena: Arena, pod: Obj, path: str, mark: str) -> bool:
    try:
        answer = _ask(arena, "GET", pod, path)
    except Refused as refusal:
        if refusal.code == 404:
            return False
        raise
    order = answer.get("order") if isinstance(answer, dict) else None
    return isinstance(order, dict) and order.get("mark") == mark


def _ask(arena: Arena, method: str, pod: Obj, path: str, body: Obj | None = None) -> Any:
    proxied = f"{pod_path(arena, pod['metadata']['name'])}:{first_port(pod)}/proxy{path}"
    return json.loads(arena.kube.request(method, proxied, body=body, timeout=ANSWER_WITHIN, accept="*/*"))


def pods_of_target(arena: Arena) -> list[Obj]:
    """All of them, those on their way out too, the oldest first."""
    pods = arena.kube.list(f"/api/v1/namespaces/{arena.namespace}/pods")
    return sorted((p for p in pods if workload_of(p) == arena.target), key=lambda p: p["metadata"]["creationTimestamp"])


def is_serving(pod: Obj) -> bool:
    """Ready, and not on its way out."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    is_ready = any((c["type"], c["status"]) == ("Ready", "True") for c in conditions)
    return is_ready and "deletionTimestamp" not in pod["metadata"]


def read_back(arena: Arena, pod: Obj, path: str, written: Written, before: str) -> tuple[str, dict[str, Any]]:
    """What a pod gives back of what was acknowledged: a sentence that begins with `before`, and the figures."""
    name, node = pod["metadata"]["name"], pod["spec"].get("nodeName", "")
    try:
        lost = missing(arena, pod, path, written)
    except (KubeError, ValueError) as error:
        return f"{before}, and pod {name} could not be asked: {error}", {}
    found = len(written) - len(lost)
    told = f"{before}; pod {name} on {node} has {found} of {len(written)} acknowledged records"
    return told, {"pod": name, "node": node, "found": found, "missing": lost}
