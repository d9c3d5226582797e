"""Nodes."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, duplicate, forbidden, in_go, invalid, not_one_of, required
from cluster.api.metadata import label_value, qualified_name
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_name
from cluster.api.resources.ip_rules import check_cidr, cidr_warnings
from cluster.api.resources.podspec_rules import EFFECTS
from cluster.api.resources.resource_rules import check_amount
from cluster.api.tables.nodes import TABLE
from cluster.client import Obj

_ONCE = 'node updates may not change {} except from "" to valid'


def fill(node: Obj) -> None:
    node.setdefault("spec", {})
    status = node.setdefault("status", {})
    if "capacity" in status:
        status.setdefault("allocatable", dict(status["capacity"]))


def rules(node: Obj, old: Obj | None) -> Iterator[FieldError]:
    taints = list(_check_taints(node["spec"].get("taints") or [], "metadata.taints"))
    yield from taints if old is None else ()
    for kind in ("capacity", "allocatable"):
        for name, amount in (node["status"].get(kind) or {}).items():
            yield from check_amount(name, amount, f"status.{kind}.{name}")
    if old is None:
        for i, text in enumerate(node["spec"].get("podCIDRs") or ()):
            yield from check_cidr(text, f"spec.podCIDRs[{i}]")
    else:
        yield from _check_change(node["spec"], old["spec"])
        yield from taints


def _check_change(spec: Obj, old: Obj) -> Iterator[FieldError]:
    """What a node was once given stays."""
    ranges, before = spec.get("podCIDRs") or [], old.get("podCIDRs") or []
    if before and ranges != before:
        yield forbidden("spec.podCIDRs", _ONCE.format("podCIDR"))
    if old.get("providerID") and spec.get("providerID") != old["providerID"]:
        yield forbidden("spec.providerID", _ONCE.format("providerID"))


def _check_taints(taints: list[Obj], path: str) -> Iterator[FieldError]:
    """Kubernetes says that they are part of the metadata."""
    seen: set[tuple[str, str]] = set()
    for i, taint in enumerate(taints):
        at, effect = f"{path}[{i}]", taint.get("effect", "")
        yield from check_name(taint.get("key", ""), f"{at}.key", qualified_name)
        if wrong := label_value(taint.get("value", "")):
            yield invalid(f"{at}.value", taint["value"], ";".join(wrong))
        if not effect:
            yield required(f"{at}.effect")
        elif effect not in EFFECTS:
            yield not_one_of(f"{at}.effect", effect, EFFECTS)
        identity = (taint.get("key", ""), effect)
        if identity in seen:
            shown = in_go({"value": "", **taint}, "Key Value Effect TimeAdded")
            yield duplicate(at, shown, "taints must be unique by key and effect pair")
        seen.add(identity)


def warnings(node: Obj, _old: Obj | None) -> Iterator[str]:
    if node["spec"].get("configSource") is not None:
        yield "spec.configSource: the feature is removed"
    if node["spec"].get("externalID"):
        yield "spec.externalID: this field is deprecated, and is unused by Kubernetes"
    for i, text in enumerate(node["spec"].get("podCIDRs") or ()):
        yield from cidr_warnings(text, f"spec.podCIDRs[{i}]")


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
    warnings=warnings,
    fields=selectable,
)
