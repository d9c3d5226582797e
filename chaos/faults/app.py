"""Faults that the app brings about itself when asked: shared by `memory-leak`, `deadlock` and `crash`.

The app is asked through the API server's pod proxy: one way for every cluster, and to one pod rather than to a Service.
"""

import json
from typing import Any

from chaos.faults.kind import Arena, FaultRefused, Injury, declared_port, pod_path
from chaos.journal import Undo
from chaos.kube import KubeError, Obj, Refused
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


def by_endpoint(arena: Arena, name: str, endpoint: str, what: str) -> Injury | None:
    """POST `endpoint` to a pod; its undo, which replaces the pod, is written down first.

    None when the app offers no such endpoints: then nothing was done.
    """
    pod = arena.kube.get(pod_path(arena, name))
    before = offered(arena, pod)
    if before is None:
        return None
    number, data = will_replace(arena, pod, what)
    ask(arena, "POST", name, data["port"], endpoint)
    return Injury(target=name, detail=f"{what} in pod {name}", undo=number, data={**data, "before": before})


def offered(arena: Arena, pod: Obj) -> Any:
    """What the app tells of itself; None when it is not one that does. Others may have an answer to every path."""
    port = declared_port(pod)
    try:
        told = None if port is None else ask(arena, "GET", pod["metadata"]["name"], port, "/chaos/status")
    except KubeError:
        return None
    return told if isinstance(told, dict) and "rss_bytes" in told else None


def will_replace(arena: Arena, pod: Obj, what: str) -> tuple[int, dict[str, Any]]:
    """Write down the undo of an injury to a pod: its number, and the pod as it was just before."""
    container = pod["spec"]["containers"][0]["name"]
    seen = next(s for s in pod["status"]["containerStatuses"] if s["name"] == container)
    name, uid, restarts = pod["metadata"]["name"], pod["metadata"]["uid"], seen["restartCount"]
    undo = Undo(
        action="delete-pod",
        path=pod_path(arena, name),
        uid=uid,
        container=container,
        restarts=restarts,
        why=f"replace pod {name} ({what})",
    )
    data = {
        "pod": name,
        "uid": uid,
        "container": container,
        "restarts": restarts,
        "port": declared_port(pod),
        "node": pod["spec"]["nodeName"],
    }
    return arena.will_undo(undo), data


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
