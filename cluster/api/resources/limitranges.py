"""LimitRanges."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, duplicate, forbidden, invalid, required
from cluster.api.resource import Resource
from cluster.api.tables.table import NAME_AND_CREATED_AT
from cluster.client import Obj
from cluster.quantity import parse_quantity

TYPES = ("Container", "PersistentVolumeClaim", "Pod")
# Each pair in this order, where both are given: the first may not exceed the second. With what each is called, and
# whose field and value the refusal names.
_ORDER = (
    ("min", "max", "min", "max", "min", "min"),
    ("min", "defaultRequest", "min", "default request", "defaultRequest", "defaultRequest"),
    ("defaultRequest", "max", "default request", "max", "defaultRequest", "defaultRequest"),
    ("defaultRequest", "default", "default request", "default limit", "defaultRequest", "defaultRequest"),
    ("min", "default", "min", "default", "default", "min"),
    ("default", "max", "default", "max", "default", "max"),
)


def fill(limits: Obj) -> None:
    for item in limits.setdefault("spec", {}).get("limits") or ():
        if item.get("type") == "Container":
            _fill_container(item)


def _fill_container(item: Obj) -> None:
    # A default limit follows from the maximum, a default request from the default limit, or else the minimum.
    _follow(item, "default", item.get("max"))
    _follow(item, "defaultRequest", item.get("default"))
    _follow(item, "defaultRequest", item.get("min"))


def _follow(item: Obj, name: str, source: Obj | None) -> None:
    if source:
        item[name] = {**source, **(item.get(name) or {})}


def rules(limits: Obj, _old: Obj | None) -> Iterator[FieldError]:
    types: set[str] = set()
    for i, item in enumerate(limits["spec"].get("limits") or ()):
        path, kind = f"spec.limits[{i}]", item.get("type", "")
        if kind in types:
            yield duplicate(f"{path}.type", kind)
        types.add(kind)
        if kind == "PersistentVolumeClaim" and not any("storage" in (item.get(side) or {}) for side in ("min", "max")):
            why = "either minimum or maximum storage value is required, but neither was provided"
            yield required(f"{path}.limits", why)
        yield from _check_type(item, path)
        for low, high, *words in _ORDER:
            yield from _check_order(item, path, (low, high), *words)
        for name, ratio in (item.get("maxLimitRequestRatio") or {}).items():
            if parse_quantity(ratio) < 1:
                yield invalid(f"{path}.maxLimitRequestRatio[{name}]", ratio, f"ratio {ratio} is less than 1")


def _check_type(item: Obj, path: str) -> Iterator[FieldError]:
    kind = item.get("type", "")
    if kind not in TYPES and "/" not in kind:
        yield invalid(f"{path}.type", kind, "must be a standard limit type or fully qualified")
    for name in ("default", "defaultRequest"):
        if kind == "Pod" and item.get(name):
            yield forbidden(f"{path}.{name}", "may not be specified when `type` is 'Pod'")


def _check_order(
    item: Obj, path: str, pair: tuple[str, str], low: str, high: str, field: str, shown: str
) -> Iterator[FieldError]:
    least, most = (item.get(name) or {} for name in pair)
    for name in sorted(least.keys() & most.keys()):
        if parse_quantity(least[name]) > parse_quantity(most[name]):
            why = f"{low} value {least[name]} is greater than {high} value {most[name]}"
            yield invalid(f"{path}.{field}[{name}]", item[shown][name], why)


RESOURCE = Resource(
    plural="limitranges",
    kind="LimitRange",
    short_names=("limits",),
    table=NAME_AND_CREATED_AT,
    fill=fill,
    rules=rules,
)
