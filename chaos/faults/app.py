"""Faults that the app brings about itself when asked: shared by `memory-leak` and `deadlock`.

The app is asked through the API server's pod proxy: one way for every cluster, and to one pod rather than to a Service.
"""

import json
from typing import Any

from chaos.faults.kind import Arena, FaultRefused, Injury, first_port, pick_pods, pod_path
from chaos.journal import Undo
from chaos.kube import KubeError, Refused
from loadgen.units import Duration

ASK_TIMEOUT = Duration(2)
ENDPOINTS = "an app that offers the /chaos/ endpoints, as the demo shop does"


def ask(arena: Arena, method: str, pod: str, port: int, path: str, timeout: Duration = ASK_TIMEOUT) -> Any:
    """One request to one pod; the answer's JSON, or its text. Raises KubeError when it does not answer in time."""
    proxied = f"/api/v1/namespaces/{arena.namespace}/pods/{pod}:{port}/proxy{path}"
    answer = arena.kube.request(method, proxied, timeout=timeout, accept="*/*")
    try:
        return json.loads(answer)
    except ValueError:
        return answer.decode(errors="replace")


def injure(arena: Arena, count: int, endpoint: str, what: str) -> list[Injury]:
    """POST `endpoint` to `count` pods of the target; the undo, which replaces the pod, is written down first."""
    return [_injure_pod(arena, pod, endpoint, what) for pod in pick_pods(arena, count)]


def _injure_pod(arena: Arena, name: str, endpoint: str, what: str) -> Injury:
    pod = arena.kube.get(pod_path(arena, name))
    port = first_port(pod)
    container = pod["spec"]["containers"][0]["name"]
    seen = next(s for s in pod["status"]["containerStatuses"] if s["name"] == container)
    before = status(arena, name, port)
    undo = Undo(
        action="delete-pod",
        path=pod_path(arena, name),
        uid=pod["metadata"]["uid"],
        container=container,
        restarts=seen["restartCount"],
        why=f"replace pod {name} ({what})",
    )
    number = arena.will_undo(undo)
    ask(arena, "POST", name, port, endpoint)
    data = {
        "pod": name,
        "uid": undo.uid,
        "container": container,
        "restarts": undo.restarts,
        "port": port,
        "node": pod["spec"]["nodeName"],
    }
    return Injury(target=name, detail=f"{what} in pod {name}", undo=number, data={**data, "before": before})


def status(arena: Arena, pod: str, port: int) -> Any:
    """What the app tells of itself. Raises `FaultRefused` when it offers no such thing."""
    try:
        return ask(arena, "GET", pod, port, "/chaos/status")
    except Refused as refusal:
        raise FaultRefused(
            f"{arena.target} does not answer GET /chaos/status ({refusal}); this fault needs {ENDPOINTS}"
        ) from refusal


def restarted(arena: Arena, injury: Injury) -> dict[str, Any] | None:
    """The injured container as it is now, if it has restarted or ended since (or its pod is gone: {})."""
    pod = arena.view.of("Pod").get(injury.target)
    if pod is None or pod["uid"] != injury.data["uid"]:
        return {}
    seen: dict[str, Any] = next((c for c in pod["containers"] if c["name"] == injury.data["container"]), {})
    if seen.get("restarts", 0) > injury.data["restarts"] or "terminated" in seen.get("state", {}):
        return seen
    return None


def silent(error: KubeError) -> str:
    """One line of why the app gave no answer."""
    return str(error).split(": ", 1)[-1][:200]
