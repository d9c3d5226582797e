"""What a pod's containers ask for, what their node has granted them, and how a resize from one to the other is told.

Pure. Source: KEP-1287. A pod asks in its spec; whatever the kubelet does, it does by what was granted.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from cluster.client import Obj
from cluster.kubelet import podspec
from cluster.timestamps import format_time

Resources = Mapping[str, Obj]
"""Requests and limits by container; what is asked for, granted, or in force."""

PENDING = "PodResizePending"
IN_PROGRESS = "PodResizeInProgress"
_KINDS = ("initContainers", "containers")


@dataclass(slots=True)
class Resize:
    """How far the resize of one pod is: the conditions that tell it, None for what is not so."""

    pending: Obj | None = None
    in_progress: Obj | None = None

    @property
    def conditions(self) -> tuple[Obj, ...]:
        return tuple(condition for condition in (self.pending, self.in_progress) if condition)


def asked(pod: Obj) -> Resources:
    return {container["name"]: container.get("resources") or {} for container in podspec.all_containers(pod)}


def allocated(pod: Obj, granted: Resources) -> Obj:
    """The pod with what was granted in place of what it asks for; the very same where that is equal."""
    if asked(pod) == granted:
        return pod
    spec = {**pod["spec"]}
    for kind in _KINDS:
        if kind in spec:
            spec[kind] = [{**c, "resources": granted.get(c["name"], {})} for c in spec[kind]]
    return {**pod, "spec": spec}


def needs_restart(container: Obj, before: Obj) -> bool:
    """Whether a container wants to be restarted for the resources that differ from before."""
    ways = {policy["resourceName"]: policy["restartPolicy"] for policy in container.get("resizePolicy") or ()}
    now = container.get("resources") or {}
    changed = (
        name
        for name in ("cpu", "memory")
        if any((now.get(kind) or {}).get(name) != (before.get(kind) or {}).get(name) for kind in ("requests", "limits"))
    )
    return any(ways.get(name) == "RestartContainer" for name in changed)


def condition(
    type: str, generation: int, now: float, before: Obj | None, *, reason: str = "", message: str = ""
) -> Obj:
    """The entry in status.conditions for a state that is so."""
    same = before is not None and before.get("reason", "") == reason
    said = {key: text for key, text in (("reason", reason), ("message", message)) if text}
    return {
        "type": type,
        "observedGeneration": generation,
        "status": "True",
        "lastProbeTime": format_time(now),
        "lastTransitionTime": before["lastTransitionTime"] if before and same else format_time(now),
        **said,
    }


def told(what: str, pod: Obj, generation: int, error: str = "") -> str:
    """The message of an event about a resize."""
    listed = {kind: [_summary(c) for c in pod["spec"].get(kind) or ()] for kind in _KINDS}
    summary = {kind: containers for kind, containers in listed.items() if containers}
    ended = {"error": error} if error else {}
    return f"Pod resize {what}: {json.dumps({**summary, 'generation': generation, **ended}, separators=(',', ':'))}"


def _summary(container: Obj) -> Obj:
    resources = container.get("resources") or {}
    amounts = {kind: dict(sorted(resources[kind].items())) for kind in ("limits", "requests") if resources.get(kind)}
    return {"name": container["name"], "resources": amounts}
