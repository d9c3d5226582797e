"""Taints and the tolerations that answer them. Pure; shared by scheduler and controllers.

Source: the Kubernetes page on taints and tolerations.
"""

from collections.abc import Iterable, Sequence

from cluster.client import Obj


def tolerates(toleration: Obj, taint: Obj) -> bool:
    """An empty effect tolerates every effect, an empty key with Exists every taint."""
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("key") not in (None, "", taint["key"]):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and toleration.get("value", "") == taint.get("value", "")


def is_tolerated(taint: Obj, tolerations: Iterable[Obj]) -> bool:
    return any(tolerates(toleration, taint) for toleration in tolerations)


def taints_of(node: Obj, *effects: str) -> list[Obj]:
    taints: Sequence[Obj] = node["spec"].get("taints") or ()
    return [taint for taint in taints if taint["effect"] in effects]


def tolerated_seconds(pod: Obj, taints: Iterable[Obj]) -> float | None:
    """How long the pod may stay under these NoExecute taints: 0 if one is not tolerated, None for ever."""
    tolerations: Sequence[Obj] = pod["spec"].get("tolerations") or ()
    limits: list[float] = []
    for taint in taints:
        answering = [t for t in tolerations if tolerates(t, taint)]
        if not answering:
            return 0.0
        limits += [max(0.0, t["tolerationSeconds"]) for t in answering if t.get("tolerationSeconds") is not None]
    return min(limits, default=None)
