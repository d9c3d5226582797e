"""LimitRanges."""

from collections.abc import Iterator, Mapping, Sequence

from cluster.api.field_errors import FieldError, duplicate, forbidden, invalid, required
from cluster.api.metadata import qualified_name
from cluster.api.resource import Resource
from cluster.api.resources.empties import show_empty
from cluster.api.resources.resource_rules import check_container_resource, check_resource_name, may_be_overcommitted
from cluster.api.tables.table import NAME_AND_CREATED_AT
from cluster.client import Obj
from cluster.quantity import parse_quantity

_PARTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
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
    show_empty(limits.setdefault("spec", {}), "limits")
    for item in limits["spec"]["limits"] or ():
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
        yield from _check_type(kind, f"{path}.type")
        if kind in types:
            yield duplicate(f"{path}.type", kind)
        types.add(kind)
        yield from _check_amounts(item, path)
        for name in dict.fromkeys(name for part in _PARTS for name in item.get(part) or ()):
            yield from _check_resource(item, path, name)


def _check_type(kind: str, path: str) -> Iterator[FieldError]:
    wrong = qualified_name(kind)
    yield from (invalid(path, kind, why) for why in wrong)
    if not wrong and kind not in TYPES and "/" not in kind:
        yield invalid(path, kind, "must be a standard limit type or fully qualified")


def _check_amounts(item: Obj, path: str) -> Iterator[FieldError]:
    kind = item.get("type", "")
    check = check_container_resource if kind in ("Pod", "Container") else check_resource_name
    for part in _PARTS:
        if part == "maxLimitRequestRatio" and kind == "PersistentVolumeClaim":
            yield from _check_storage(item, f"{path}.limits")
        if part.startswith("default") and kind == "Pod":
            if item.get(part):
                yield forbidden(f"{path}.{part}", "may not be specified when `type` is 'Pod'")
            continue
        for name in item.get(part) or ():
            yield from check(name, f"{path}.{part}[{name}]")


def _check_storage(item: Obj, path: str) -> Iterator[FieldError]:
    if not any("storage" in (item.get(side) or {}) for side in ("min", "max")):
        yield required(path, "either minimum or maximum storage value is required, but neither was provided")


def _check_resource(item: Obj, path: str, name: str) -> Iterator[FieldError]:
    """All that is said of one resource."""
    parts = {part: (item.get(part) or {}).get(name) for part in _PARTS}
    if item.get("type") == "Pod":
        parts |= {"default": None, "defaultRequest": None}
    for low, high, *words in _ORDER:
        yield from _check_order(parts[low], parts[high], parts, f"{path}.{words[2]}[{name}]", words)
    yield from _check_ratio(parts, f"{path}.maxLimitRequestRatio[{name}]")
    default, wanted = parts["default"], parts["defaultRequest"]
    if not may_be_overcommitted(name) and default and wanted and parse_quantity(default) != parse_quantity(wanted):
        why = f"default value {default} must equal to defaultRequest value {wanted} in {name}"
        yield invalid(f"{path}.defaultRequest[{name}]", wanted, why)


def _check_order(
    least: str | None, most: str | None, parts: Mapping[str, str | None], path: str, words: Sequence[str]
) -> Iterator[FieldError]:
    low, high, _, shown = words
    if least is not None and most is not None and parse_quantity(least) > parse_quantity(most):
        yield invalid(path, parts[shown], f"{low} value {least} is greater than {high} value {most}")


def _check_ratio(parts: Mapping[str, str | None], path: str) -> Iterator[FieldError]:
    ratio, least, most = parts["maxLimitRequestRatio"], parts["min"], parts["max"]
    if ratio is None:
        return
    if parse_quantity(ratio) < 1:
        yield invalid(path, ratio, f"ratio {ratio} is less than 1")
    if least is not None and most is not None and parse_quantity(least):
        widest = parse_quantity(most) / parse_quantity(least)
        if parse_quantity(ratio) > widest:
            yield invalid(path, ratio, f"ratio {ratio} is greater than max/min = {float(widest):f}")


RESOURCE = Resource(
    plural="limitranges",
    kind="LimitRange",
    short_names=("limits",),
    table=NAME_AND_CREATED_AT,
    fill=fill,
    rules=rules,
)
