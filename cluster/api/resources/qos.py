"""A pod's quality of service, from its containers' requests and limits."""

from cluster.api.resources.podspec import all_containers
from cluster.client import Obj
from cluster.quantity import parse_quantity

_COUNTED = ("cpu", "memory")


def qos_class(spec: Obj) -> str:
    """`Guaranteed` if cpu and memory of every container are requested and limited alike, `BestEffort` if none is."""
    resources = [container.get("resources") or {} for container in all_containers(spec)]
    if not any(_nonzero(r.get(kind)) for r in resources for kind in ("requests", "limits")):
        return "BestEffort"
    return "Guaranteed" if all(_is_guaranteed(r) for r in resources) else "Burstable"


def _nonzero(amounts: Obj | None) -> dict[str, object]:
    return {name: parse_quantity(q) for name, q in (amounts or {}).items() if name in _COUNTED and parse_quantity(q)}


def _is_guaranteed(resources: Obj) -> bool:
    limits = _nonzero(resources.get("limits"))
    return len(limits) == len(_COUNTED) and _nonzero(resources.get("requests")) in (limits, {})
