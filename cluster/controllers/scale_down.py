"""Which pods go first when there are too many. Pure.

In this order: not yet on a node; Pending before Unknown before Running; not ready; lower
`controller.kubernetes.io/pod-deletion-cost`; more siblings on the same node; ready for a shorter time; more restarts;
younger. Times are compared by order of magnitude, as Kubernetes does since 1.22 (KEP-2185).
"""

import math
from collections import Counter
from collections.abc import Sequence

from cluster.client import Obj
from cluster.objects import annotations_of, condition, created_at, is_pod_ready, node_of, restarts_of, uid_of
from cluster.timestamps import parse_time

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def pods_to_delete(pods: Sequence[Obj], count: int, related: Sequence[Obj], now: float) -> list[Obj]:
    """`count` of `pods`; `related` are all active pods of the same workload, by which crowded nodes are known."""
    if count >= len(pods):
        return list(pods)
    crowd = Counter(node_of(pod) for pod in related)
    return sorted(pods, key=lambda pod: _rank(pod, crowd[node_of(pod)], now))[:count]


def _rank(pod: Obj, siblings: int, now: float) -> tuple[object, ...]:
    ready = is_pod_ready(pod)
    return (
        bool(node_of(pod)),
        _PHASES.get((pod.get("status") or {}).get("phase", ""), 0),
        ready,
        _deletion_cost(pod),
        -siblings if ready else 0,
        _magnitude(now - _ready_since(pod)) if ready else 0,
        -restarts_of(pod),
        _magnitude(now - created_at(pod)),
        uid_of(pod),
    )


def _deletion_cost(pod: Obj) -> int:
    try:
        return int(annotations_of(pod).get(DELETION_COST, "0"))
    except ValueError:
        return 0


def _ready_since(pod: Obj) -> float:
    ready = condition(pod, "Ready")
    return parse_time(ready["lastTransitionTime"]) if ready else 0.0


def _magnitude(seconds: float) -> int:
    return int(math.log2(max(seconds, 0.001) * 1e9))
