"""The arithmetic of a Deployment's rollout: how large each ReplicaSet shall be. Pure.

Follows kube-controller-manager's deployment controller: never more than replicas + maxSurge pods, never fewer than
replicas - maxUnavailable available ones.
"""

import math
from collections.abc import Iterable, Sequence

from cluster.client import Obj
from cluster.objects import annotations_of, created_at

DESIRED = "deployment.kubernetes.io/desired-replicas"
MAX = "deployment.kubernetes.io/max-replicas"
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"

Sizes = list[tuple[Obj, int]]
"""ReplicaSets with the size that each shall have."""


def scaled_value(value: int | str | None, total: int, *, round_up: bool) -> int:
    """An IntOrString: a number, or a percentage of `total`."""
    if isinstance(value, str) and value.endswith("%"):
        share = int(value[:-1]) * total
        return -(-share // 100) if round_up else share // 100
    return int(value or 0)


def is_rolling(deployment: Obj) -> bool:
    strategy: Obj = deployment["spec"].get("strategy") or {}
    return bool(strategy.get("type") != "Recreate")


def replicas_of(obj: Obj) -> int:
    return int(obj["spec"].get("replicas", 1))


def available_of(replicaset: Obj) -> int:
    return int((replicaset.get("status") or {}).get("availableReplicas", 0))


def max_surge(deployment: Obj) -> int:
    return _fence_posts(deployment)[0] if is_rolling(deployment) else 0


def max_unavailable(deployment: Obj) -> int:
    replicas = replicas_of(deployment)
    return min(_fence_posts(deployment)[1], replicas) if is_rolling(deployment) and replicas else 0


def total_replicas(replicasets: Iterable[Obj]) -> int:
    return sum(map(replicas_of, replicasets))


def oldest_first(replicasets: Iterable[Obj]) -> list[Obj]:
    return sorted(replicasets, key=lambda r: (created_at(r), r["metadata"]["name"]))


def new_size(deployment: Obj, replicasets: Sequence[Obj], current: int) -> int:
    """How large the new ReplicaSet, now of size `current`, may be beside all that exist."""
    wanted = replicas_of(deployment)
    if not is_rolling(deployment) or current > wanted:
        return wanted
    room = wanted + max_surge(deployment) - total_replicas(replicasets)
    return current + max(0, min(room, wanted - current))


def old_sizes(deployment: Obj, new: Obj, old: Sequence[Obj]) -> Sizes:
    """The next step down of the old ReplicaSets: their unhealthy pods first, then as many as availability allows."""
    least_available = replicas_of(deployment) - max_unavailable(deployment)
    missing_in_new = replicas_of(new) - available_of(new)
    can_go = total_replicas([new, *old]) - least_available - missing_in_new
    if total_replicas(old) == 0 or can_go <= 0:
        return []
    sizes = _without_unhealthy(old, can_go)
    spare = sum(map(available_of, [new, *old])) - least_available
    return _scaled_down(sizes, spare)


def _without_unhealthy(old: Sequence[Obj], can_go: int) -> Sizes:
    sizes = []
    for replicaset in oldest_first(old):
        unhealthy = max(0, replicas_of(replicaset) - available_of(replicaset))
        gone = min(can_go, unhealthy)
        can_go -= gone
        sizes.append((replicaset, replicas_of(replicaset) - gone))
    return sizes


def _scaled_down(sizes: Sizes, spare: int) -> Sizes:
    smaller = []
    for replicaset, size in sizes:
        gone = max(0, min(spare, size))
        spare -= gone
        smaller.append((replicaset, size - gone))
    return smaller


def proportional_sizes(deployment: Obj, active: Sequence[Obj]) -> Sizes:
    """The sizes when a Deployment is scaled in the middle of a rollout: the change is shared by size."""
    wanted = replicas_of(deployment)
    allowed = wanted + max_surge(deployment) if wanted > 0 else 0
    to_add = allowed - total_replicas(active)
    ordered = _largest_first(active, newer_first=to_add > 0)
    added, sizes = 0, []
    for replicaset in ordered:
        share = _share(deployment, replicaset, to_add, added)
        added += share
        sizes.append((replicaset, replicas_of(replicaset) + share))
    if sizes and to_add:
        # What rounding left over goes to the largest.
        largest, size = sizes[0]
        sizes[0] = (largest, max(0, size + to_add - added))
    return sizes


def _largest_first(replicasets: Iterable[Obj], *, newer_first: bool) -> list[Obj]:
    by_age = sorted(replicasets, key=created_at, reverse=newer_first)
    return sorted(by_age, key=replicas_of, reverse=True)


def _share(deployment: Obj, replicaset: Obj, to_add: int, added: int) -> int:
    if replicas_of(replicaset) == 0 or to_add in (0, added):
        return 0
    fraction = _fraction(deployment, replicaset)
    return min(fraction, to_add - added) if to_add > 0 else max(fraction, to_add - added)


def _fraction(deployment: Obj, replicaset: Obj) -> int:
    wanted, size = replicas_of(deployment), replicas_of(replicaset)
    if wanted == 0:
        return -size
    before = int(annotations_of(replicaset).get(MAX, 0)) or int((deployment.get("status") or {}).get("replicas", 0))
    if before == 0:
        return 0
    # Halves are rounded away from zero, as Go does.
    return math.floor(size * (wanted + max_surge(deployment)) / before + 0.5) - size


def _fence_posts(deployment: Obj) -> tuple[int, int]:
    rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    total = replicas_of(deployment)
    surge = scaled_value(rolling.get("maxSurge", "25%"), total, round_up=True)
    unavailable = scaled_value(rolling.get("maxUnavailable", "25%"), total, round_up=False)
    # With both at zero nothing could ever move.
    return surge, unavailable if surge or unavailable else 1
