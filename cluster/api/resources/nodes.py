"""Nodes."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, duplicate, required
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_enum
from cluster.api.tables.nodes import TABLE
from cluster.client import Obj

_EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")


def fill(node: Obj) -> None:
    node.setdefault("spec", {})
    node.setdefault("status", {})


def rules(node: Obj, _old: Obj | None) -> Iterator[FieldError]:
    seen: set[tuple[str, str]] = set()
    for i, taint in enumerate(node["spec"].get("taints") or ()):
        path = f"spec.taints[{i}]"
        if not taint.get("key"):
            yield required(f"{path}.key")
        yield from check_enum(taint, path, "effect", _EFFECTS)
        identity = (taint.get("key", ""), taint.get("effect", ""))
        if identity in seen:
            yield duplicate(path, taint)
        seen.add(identity)


def selectable(node: Obj) -> dict[str, str]:
    return {"spec.unschedulable": str(bool(node.get("spec", {}).get("unschedulable"))).lower()}


RESOURCE = Resource(
    plural="nodes",
    kind="Node",
    namespaced=False,
    short_names=("no",),
    subresources=("proxy", "status"),
    table=TABLE,
    status_at_creation=True,
    fill=fill,
    rules=rules,
    fields=selectable,
)
