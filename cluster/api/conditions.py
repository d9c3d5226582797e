"""Conditions that the API server itself sets on pods and budgets. Pure."""

from cluster.client import Obj
from cluster.timestamps import format_time


def with_condition(status: Obj, type: str, value: str, now: float, **fields: object) -> Obj:
    """A copy of a pod's status with one condition set; its transition time moves only if its value does."""
    conditions = list(status.get("conditions") or ())
    absent: tuple[int, Obj] = (len(conditions), {})
    place, old = next(((i, c) for i, c in enumerate(conditions) if c["type"] == type), absent)
    since = old["lastTransitionTime"] if old.get("status") == value else format_time(now)
    new = {"type": type, "status": value, "lastProbeTime": None, "lastTransitionTime": since, **fields}
    conditions[place : place + 1] = [new]
    return {**status, "conditions": conditions}


def is_ready(pod: Obj) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
