"""The rules of what controllers tell in a status: counts, which are above zero and go together."""

from collections.abc import Iterator, Sequence

from cluster.api.field_errors import FieldError, invalid
from cluster.api.resources.checks import check_not_negative
from cluster.client import Obj

_COLLISIONS = "collisionCount"


def check_counts(
    obj: Obj, old: Obj | None, counts: Sequence[str], among: Sequence[str] = (), ready: str = "readyReplicas"
) -> Iterator[FieldError]:
    """Of a write that changes the status. `among`: counts of some of all the `replicas`.

    `counts` are in the order in which Kubernetes looks at them; `ready` is what it calls those that are available once
    they have been ready for long enough.
    """
    status = obj.get("status") or {}
    before = (old or {}).get("status") or {}
    if old is None or status == before:
        return
    yield from check_not_negative(status, "status", *counts)
    for name in among:
        if status.get(name, 0) > status.get("replicas", 0):
            yield invalid(f"status.{name}", status.get(name, 0), "cannot be greater than status.replicas")
    available = status.get("availableReplicas", 0)
    if among and available > status.get("readyReplicas", 0):
        yield invalid("status.availableReplicas", available, f"cannot be greater than {ready}")
    if status.get(_COLLISIONS, 0) < before.get(_COLLISIONS, 0):
        yield invalid(f"status.{_COLLISIONS}", status.get(_COLLISIONS, 0), "cannot be decremented")
