"""What a kubelet that has just started makes of a container that an earlier life of its node ran. Pure.

The pod's status remembers what the node does not: how often the container was started, and how it ended. One that was
running is lost; containerd tells of such a one that it ended with 255, for a reason unknown.
"""

from cluster.client import Obj
from cluster.kubelet.podspec import Kind
from cluster.kubelet.states import ContainerStatus, Terminated, Waiting
from cluster.timestamps import parse_time

LOST_EXIT_CODE = 255
LOST_REASON = "Unknown"
_STATUSES = {Kind.MAIN: "containerStatuses", Kind.EPHEMERAL: "ephemeralContainerStatuses"}


def recall(pod: Obj, container: str, kind: Kind, now: float) -> ContainerStatus | None:
    """The container as it was left; None when it never ran."""
    entries = (pod.get("status") or {}).get(_STATUSES.get(kind, "initContainerStatuses")) or ()
    entry = next((e for e in entries if e["name"] == container and e.get("containerID")), None)
    return None if entry is None else _left(entry, now)


def _left(entry: Obj, now: float) -> ContainerStatus:
    return ContainerStatus(
        name=entry["name"],
        image=entry["image"],
        state=_state(entry, now),
        image_id=entry.get("imageID", ""),
        container_id=_bare(entry["containerID"]),
        last=_ended(entry.get("lastState") or {}),
        restarts=entry["restartCount"],
    )


def _state(entry: Obj, now: float) -> Waiting | Terminated:
    state = entry["state"]
    if "waiting" in state and _ended(entry.get("lastState") or {}):
        return Waiting(reason=state["waiting"].get("reason", ""), message=state["waiting"].get("message", ""))
    return _ended(state) or Terminated(
        exit_code=LOST_EXIT_CODE,
        reason=LOST_REASON,
        started_at=_time((state.get("running") or {}).get("startedAt")),
        finished_at=now,
        container_id=_bare(entry["containerID"]),
    )


def _ended(state: Obj) -> Terminated | None:
    end = state.get("terminated")
    if end is None:
        return None
    return Terminated(
        exit_code=end["exitCode"],
        reason=end.get("reason", ""),
        started_at=_time(end.get("startedAt")),
        finished_at=_time(end.get("finishedAt")),
        container_id=_bare(end.get("containerID", "")),
        message=end.get("message", ""),
    )


def _time(text: str | None) -> float:
    return parse_time(text) if text else 0.0


def _bare(container_id: str) -> str:
    return container_id.rpartition("//")[2]
