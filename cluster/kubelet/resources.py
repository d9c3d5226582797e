"""Requests and limits as cgroup settings and OOM scores, as the kubelet computes them."""

from collections.abc import Callable, Iterable

from cluster.client import Obj
from cluster.kubelet import podspec
from cluster.quantity import millis, to_bytes
from cluster.runtime.spec import Limits

GUARANTEED_SCORE = -997
BEST_EFFORT_SCORE = 1000
MIN_SHARES = 2
MAX_SHARES = 262144


def amount(container: Obj, kind: str, resource: str) -> int | None:
    """A request or limit (`kind` is "requests" or "limits") in millicores or bytes; None when not set."""
    text = ((container.get("resources") or {}).get(kind) or {}).get(resource)
    if text is None:
        return None
    return millis(text) if resource == "cpu" else to_bytes(text)


def container_limits(pod: Obj, container: Obj, capacity_bytes: int) -> Limits:
    """The cgroup settings of one container; `capacity_bytes` is its node's memory."""
    return Limits(
        memory_bytes=amount(container, "limits", "memory") or None,
        cpu_millis=amount(container, "limits", "cpu") or None,
        cpu_shares=shares(amount(container, "requests", "cpu") or 0),
        oom_score_adj=oom_score(pod, container, capacity_bytes),
    )


def pod_limits(pod: Obj) -> Limits:
    """The cgroup settings of the whole pod: limited only where every container is."""
    return Limits(
        memory_bytes=_pod_limit(pod, "memory"),
        cpu_millis=_pod_limit(pod, "cpu"),
        cpu_shares=shares(total(pod, "requests", "cpu")),
    )


def shares(cpu_millis: int) -> int:
    """cgroup v1 cpu.shares of a request."""
    return min(MAX_SHARES, max(MIN_SHARES, cpu_millis * 1024 // 1000))


def oom_score(pod: Obj, container: Obj, capacity_bytes: int) -> int:
    """Who the kernel kills first: BestEffort, then Burstable by how little was requested, Guaranteed last."""
    quality = pod.get("status", {}).get("qosClass", "BestEffort")
    if quality == "Guaranteed":
        return GUARANTEED_SCORE
    if quality == "BestEffort":
        return BEST_EFFORT_SCORE
    request = amount(container, "requests", "memory") or 0
    score = 1000 - 1000 * request // capacity_bytes
    return min(BEST_EFFORT_SCORE - 1, max(1000 + GUARANTEED_SCORE, score))


def total(pod: Obj, kind: str, resource: str) -> int:
    """What a pod asks for at its hungriest moment (KEP-753): while it runs, or during one of its init steps."""
    return _hungriest(pod, lambda container: amount(container, kind, resource) or 0)


def _hungriest(pod: Obj, need: Callable[[Obj], int]) -> int:
    beside, peak = 0, 0
    for container in podspec.init_containers(pod):
        peak = max(peak, beside + need(container))
        beside += need(container) if podspec.is_sidecar(container) else 0
    return max(peak, beside + sum(map(need, podspec.containers(pod))))


def _pod_limit(pod: Obj, resource: str) -> int | None:
    everyone: Iterable[Obj] = podspec.all_containers(pod)
    if all(amount(container, "limits", resource) for container in everyone):
        return total(pod, "limits", resource)
    return None
