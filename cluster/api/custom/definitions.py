"""From a CustomResourceDefinition to the kinds that it defines: one `Resource` for each version that is served.

Objects are kept in the storage version; the others are views of them that differ in apiVersion alone (conversion None).
"""

import json
from collections.abc import Iterator
from typing import Any

from cluster.api.custom import schema as structural
from cluster.api.custom.checked import Checked
from cluster.api.custom.jsonpath import find, first
from cluster.api.custom.schema import Schema
from cluster.api.field_errors import FieldError, invalid
from cluster.api.go import go_text
from cluster.api.resource import ALL_VERBS, Custom, Replicas, Resource, View
from cluster.api.tables.duration import since
from cluster.api.tables.table import AGE, NAME, Column, Table, name_and_age
from cluster.client import Obj
from cluster.objects import annotations_of, condition, is_going

_GO_TYPES = {str: "string", bool: "bool", int: "int64", list: "[]interface {}", dict: "map[string]interface {}"}


def kinds_of(definition: Obj) -> tuple[Resource, ...]:
    """The kinds that an established definition serves, that of the storage version first."""
    established = condition(definition, "Established")
    if established is None or established["status"] != "True":
        return ()
    versions = sorted(definition["spec"]["versions"], key=lambda version: not version["storage"])
    return tuple(_kind(definition, version) for version in versions if version["served"] or version["storage"])


def _kind(definition: Obj, version: Obj) -> Resource:
    spec, names = definition["spec"], definition["spec"]["names"]
    schema = _schema(version)
    checked = Checked(schema)
    subresources = version.get("subresources") or {}
    has_status = "status" in subresources
    return Resource(
        group=spec["group"],
        version=version["name"],
        plural=names["plural"],
        kind=names["kind"],
        singular_name=names["singular"],
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=tuple(sorted({"status", "scale"} & set(subresources))),
        verbs=tuple(verb for verb in ALL_VERBS if verb != "create" or not is_going(definition)),
        table=_table(version.get("additionalPrinterColumns") or []),
        desired=lambda obj: _desired(obj, has_status=has_status),
        fill=lambda obj: structural.fill(obj, schema),
        rules=lambda obj, old: _rules(obj, old, checked, subresources.get("scale")),
        unconditional=False,
        on_create=_without_empty_status if has_status else _as_it_is,
        fields=lambda obj: _selectable(obj, version.get("selectableFields") or []),
        view=None if version["storage"] else _view(definition, version),
        deprecated=_deprecated(spec, version),
        custom=Custom(schema),
        replicas=_replicas(subresources.get("scale")),
    )


def _schema(version: Obj) -> Schema:
    schema: Schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    return schema


def _view(definition: Obj, version: Obj) -> View:
    group = definition["spec"]["group"]
    stored = next(v["name"] for v in definition["spec"]["versions"] if v["storage"])
    return View(
        key=definition["metadata"]["name"],
        read=lambda obj: {**obj, "apiVersion": f"{group}/{version['name']}"},
        write=lambda obj: {**obj, "apiVersion": f"{group}/{stored}"},
    )


def _desired(obj: Obj, *, has_status: bool) -> Obj:
    return {name: value for name, value in obj.items() if name != "metadata" and not (has_status and name == "status")}


def _rules(obj: Obj, old: Obj | None, checked: Checked, scale: Obj | None) -> Iterator[FieldError]:
    found = list(checked.structure(obj))
    for path in (scale["specReplicasPath"], scale["statusReplicasPath"]) if scale else ():
        found += _check_count(obj, path)
    yield from found
    yield from checked.rules(obj, old, found)


def _check_count(obj: Obj, path: str) -> Iterator[FieldError]:
    """The scale subresource can only show a number."""
    value: Any = obj
    for step in path.strip(".").split("."):
        if not isinstance(value, dict):
            yield invalid(path, 0, f"{path} accessor error: {_told(value)}, expected map[string]interface{{}}")
            return
        value = value.get(step)
        if value is None:
            return
    if not isinstance(value, int) or isinstance(value, bool):
        yield invalid(path, 0, f"{path} accessor error: {_told(value)}, expected int64")
    elif value < 0:
        yield invalid(path, value, "should be a non-negative integer")


def _told(value: Any) -> str:
    return f"{go_text(value)} is of the type {_GO_TYPES.get(type(value), 'float64')}"


def _without_empty_status(obj: Obj) -> None:
    if not obj["status"]:
        del obj["status"]


def _as_it_is(_obj: Obj) -> None:
    return


def _selectable(obj: Obj, fields: list[Obj]) -> dict[str, str]:
    return {field["jsonPath"].removeprefix("."): _text(first(obj, field["jsonPath"])) for field in fields}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"))
    return "" if value is None else str(value)


def _deprecated(spec: Obj, version: Obj) -> str:
    if not version.get("deprecated"):
        return ""
    default = f"{spec['group']}/{version['name']} {spec['names']['kind']} is deprecated"
    return str(version.get("deprecationWarning") or default)


def _replicas(scale: Obj | None) -> Replicas:
    if scale is None:
        return Replicas()
    return Replicas(scale["specReplicasPath"], scale["statusReplicasPath"], scale.get("labelSelectorPath", ""))


def _table(columns: list[Obj]) -> Table:
    if not columns:
        return Table((NAME, AGE), name_and_age)
    shown = [
        Column(
            name=column["name"],
            type=column["type"],
            format=column.get("format", ""),
            description=column.get("description", ""),
            priority=column.get("priority", 0),
        )
        for column in columns
    ]
    return Table((NAME, *shown), lambda obj, now: [obj["metadata"]["name"], *(_cell(obj, c, now) for c in columns)])


def _cell(obj: Obj, column: Obj, now: float) -> Any:
    """Nothing where the path leads nowhere, or to something of another type."""
    found = find(obj, column["jsonPath"])
    if not found:
        return None
    match column["type"]:
        case "date":
            return since(found[0], now) if isinstance(found[0], str) else None
        case "string":
            return _text(found[0])
    return found[0] if isinstance(found[0], bool | int | float) else None


def protected_group_needs_approval(definition: Obj) -> bool:
    """Whether the group is one of Kubernetes' own and nobody says that its API was approved (KEP-2337)."""
    group = definition["spec"]["group"]
    is_own = group.endswith((".k8s.io", ".kubernetes.io")) or group in ("k8s.io", "kubernetes.io")
    return is_own and not annotations_of(definition).get("api-approved.kubernetes.io")
