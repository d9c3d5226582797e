"""What a Deployment says about itself: counts and conditions. Pure.

Reasons, messages and the order in which conditions move follow the recordings `rolling-update-good`,
`rolling-update-missing-image` and `scale-down-and-up`.
"""

from collections.abc import Sequence

from cluster.client import Obj
from cluster.controllers.rollout import available_of, max_unavailable, replicas_of, total_replicas
from cluster.objects import condition
from cluster.timestamps import format_time, parse_time

NO_DEADLINE = 2**31 - 1


def counted(deployment: Obj, new: Obj | None, replicasets: Sequence[Obj], now: float) -> Obj:
    """The status as the ReplicaSets' own statuses make it, with the condition Available brought up to date."""
    available = sum(map(available_of, replicasets))
    counts = {
        "replicas": _sum("replicas", replicasets),
        "updatedReplicas": _sum("replicas", [new] if new else []),
        "readyReplicas": _sum("readyReplicas", replicasets),
        "availableReplicas": available,
        "unavailableReplicas": max(0, total_replicas(replicasets) - available),
    }
    old = deployment.get("status") or {}
    status = {
        "observedGeneration": deployment["metadata"]["generation"],
        **{name: count for name, count in counts.items() if count},
        "terminatingReplicas": _sum("terminatingReplicas", replicasets),
        "conditions": set_condition(old.get("conditions"), _available(deployment, available), now),
    }
    return status | {key: old[key] for key in ("collisionCount",) if key in old}


def progressed(deployment: Obj, status: Obj, new: Obj | None, replicasets: Sequence[Obj], now: float) -> Obj:
    """`status` with the conditions Progressing and ReplicaFailure brought up to date."""
    conditions = status["conditions"]
    if has_deadline(deployment):
        conditions = _with_progress(deployment, status, new, now)
    else:
        conditions = [c for c in conditions if c["type"] != "Progressing"]
    failure = _replica_failure(new, replicasets)
    if failure is None:
        conditions = [c for c in conditions if c["type"] != "ReplicaFailure"]
    else:
        conditions = set_condition(conditions, failure, now)
    return {**status, "conditions": conditions}


def set_condition(conditions: Sequence[Obj] | None, new: Obj, now: float) -> list[Obj]:
    """The conditions with `new` at the end; unchanged if status and reason are the same as before."""
    present = list(conditions or ())
    old = next((c for c in present if c["type"] == new["type"]), None)
    if old is not None and (old["status"], old["reason"]) == (new["status"], new["reason"]):
        return present
    since = old["lastTransitionTime"] if old is not None and old["status"] == new["status"] else format_time(now)
    stamped = {
        "type": new["type"],
        "status": new["status"],
        "lastUpdateTime": format_time(now),
        "lastTransitionTime": since,
        "reason": new["reason"],
        "message": new["message"],
    }
    return [*(c for c in present if c["type"] != new["type"]), stamped]


def progressing(status: str, reason: str, message: str) -> Obj:
    return {"type": "Progressing", "status": status, "reason": reason, "message": message}


def has_deadline(deployment: Obj) -> bool:
    return bool(deployment["spec"].get("progressDeadlineSeconds", NO_DEADLINE) != NO_DEADLINE)


def is_complete(deployment: Obj, status: Obj) -> bool:
    """Whether every pod is of the new template and available."""
    wanted = replicas_of(deployment)
    counts = [status.get(k, 0) for k in ("updatedReplicas", "replicas", "availableReplicas")]
    seen: int = status["observedGeneration"]
    return counts == [wanted] * 3 and seen >= int(deployment["metadata"]["generation"])


def seconds_to_deadline(deployment: Obj, now: float) -> float | None:
    """When a rollout that makes no progress will have to be called stuck; None if that is not to be asked."""
    last = condition(deployment, "Progressing")
    if not has_deadline(deployment) or last is None:
        return None
    if last["reason"] in ("ProgressDeadlineExceeded", "NewReplicaSetAvailable"):
        return None
    return max(0.0, _deadline(deployment, last) - now) + 1.0


def _with_progress(deployment: Obj, status: Obj, new: Obj | None, now: float) -> list[Obj]:
    conditions: list[Obj] = status["conditions"]
    current = next((c for c in conditions if c["type"] == "Progressing"), None)
    all_new = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    if all_new and current is not None and current["reason"] == "NewReplicaSetAvailable":
        return conditions
    what = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    if is_complete(deployment, status):
        done = progressing("True", "NewReplicaSetAvailable", f"{what} has successfully progressed.")
        return set_condition(conditions, done, now)
    if _is_moving(deployment.get("status") or {}, status):
        return _renewed(conditions, progressing("True", "ReplicaSetUpdated", f"{what} is progressing."), now)
    if current is not None and _is_late(deployment, current, now):
        late = progressing("False", "ProgressDeadlineExceeded", f"{what} has timed out progressing.")
        return set_condition(conditions, late, now)
    return conditions


def _renewed(conditions: Sequence[Obj], new: Obj, now: float) -> list[Obj]:
    """Like `set_condition`, but the time of the last update moves each time: it is what the deadline counts from."""
    old = next((c for c in conditions if c["type"] == "Progressing"), None)
    others = [c for c in conditions if c["type"] != "Progressing"]
    renewed = set_condition(others, new, now)
    if old is not None and old["status"] == "True":
        renewed[-1]["lastTransitionTime"] = old["lastTransitionTime"]
    return renewed


def _is_moving(old: Obj, new: Obj) -> bool:
    def leftover(status: Obj) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    grown = any(new.get(k, 0) > old.get(k, 0) for k in ("updatedReplicas", "readyReplicas", "availableReplicas"))
    return grown or leftover(new) < leftover(old)


def _is_late(deployment: Obj, current: Obj, now: float) -> bool:
    if current["reason"] == "NewReplicaSetAvailable":
        return False
    return current["reason"] == "ProgressDeadlineExceeded" or _deadline(deployment, current) < now


def _deadline(deployment: Obj, current: Obj) -> float:
    return parse_time(current["lastUpdateTime"]) + float(deployment["spec"]["progressDeadlineSeconds"])


def _available(deployment: Obj, available: int) -> Obj:
    if available >= replicas_of(deployment) - max_unavailable(deployment):
        reason, message, status = "MinimumReplicasAvailable", "Deployment has minimum availability.", "True"
    else:
        reason, message = "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
        status = "False"
    return {"type": "Available", "status": status, "reason": reason, "message": message}


def _replica_failure(new: Obj | None, replicasets: Sequence[Obj]) -> Obj | None:
    """The failure of the new ReplicaSet, else of any other."""
    candidates = [new] if new is not None else []
    for replicaset in [*candidates, *replicasets]:
        if found := condition(replicaset, "ReplicaFailure"):
            return found
    return None


def _sum(field: str, replicasets: Sequence[Obj]) -> int:
    return sum((r.get("status") or {}).get(field, 0) for r in replicasets)
