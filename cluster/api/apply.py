"""Server-side apply: each manager owns the fields it applied; two owners of one field with different wishes conflict.

See https://kubernetes.io/docs/reference/using-api/server-side-apply/. What those own who do not apply: `managers.py`.
"""

import json
from dataclasses import replace
from typing import Any

import orjson

from cluster.api.field_sets import (
    FieldSet,
    Path,
    fields_inside,
    fields_of,
    is_associative,
    is_granular,
    is_map,
    item_step,
    map_value,
    show,
)
from cluster.api.managers import Manager, entry_of, managers_of, owned
from cluster.api.resource import Resource
from cluster.api.schema import Field, Type
from cluster.client import BadRequest, Conflict, Obj, StatusCause
from cluster.timestamps import format_time

KUBECTL = "kubectl"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def apply(
    live: Obj, applied: Obj, resource: Resource, *, manager: str, force: bool, now: float, subresource: str = ""
) -> Obj:
    """`live` as it is after `manager` applied `applied`; neither is changed.

    `live` is {} when the object is to be created. Raises Conflict (409, one cause a field) unless forced, BadRequest
    without a manager or with managedFields in `applied`.
    """
    _check(applied, manager)
    type = resource.type
    mine = Manager(
        name=manager,
        operation="Apply",
        api_version=resource.api_version,
        fields=owned(applied, type, resource, subresource),
        time=format_time(now),
        subresource=subresource,
    )
    managers = managers_of(live, type, resource)
    before = next((m for m in managers if m.identity == mine.identity), replace(mine, fields=frozenset()))
    others = [m for m in managers if m.identity != mine.identity]
    merged = _merge_object(live, applied, type.fields)
    changed = frozenset(p for p in mine.fields if _value(live, p, type) != _value(merged, p, type))
    forced = force or (manager == KUBECTL and _was_kubectls(live, type, others, changed))
    others = _settle(others, changed, force=forced)
    if manager == KUBECTL and LAST_APPLIED in _annotations(live):
        merged = _noted(merged, applied)
    dropped = before.fields - mine.fields - frozenset[Path]().union(*(m.fields for m in others))
    merged = _remove(merged, dropped, type, [*others, mine])
    if before.fields == mine.fields and {**merged, "metadata": None} == {**live, "metadata": None}:
        mine = replace(mine, time=before.time)
    return _with_managers(merged, [*others, mine])


def _annotations(obj: Obj) -> Obj:
    return obj.get("metadata", {}).get("annotations") or {}


def _noted(merged: Obj, applied: Obj) -> Obj:
    """What kubectl once wrote down of its applies is kept true, for those who still read it."""
    metadata = {key: value for key, value in (applied.get("metadata") or {}).items() if key != "managedFields"}
    if left := {key: value for key, value in _annotations(applied).items() if key != LAST_APPLIED}:
        metadata["annotations"] = left
    else:
        metadata.pop("annotations", None)
    text = json.dumps({**applied, "metadata": metadata}, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    noted = {**_annotations(merged), LAST_APPLIED: f"{text}\n"}
    return {**merged, "metadata": {**merged["metadata"], "annotations": noted}}


def _check(applied: Obj, manager: str) -> None:
    if not manager:
        raise BadRequest(
            "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value: is required for apply patch"
        )
    if (applied.get("metadata") or {}).get("managedFields"):
        raise BadRequest("metadata.managedFields must be nil")


def _with_managers(obj: Obj, managers: list[Manager]) -> Obj:
    entries = [entry_of(manager) for manager in managers if manager.fields]
    return {**obj, "metadata": {**obj.get("metadata", {}), "managedFields": entries}}


def _settle(others: list[Manager], changed: FieldSet, *, force: bool) -> list[Manager]:
    """Raise the conflicts; or, forced, take the fields away from the others."""
    conflicts = [(m, sorted(m.fields & changed)) for m in others if m.fields & changed]
    if conflicts and not force:
        raise _conflict(conflicts)
    return [replace(m, fields=m.fields - changed) for m in others]


def _was_kubectls(live: Obj, type: Type, others: list[Manager], changed: FieldSet) -> bool:
    """Whether all that others hold against it is what kubectl itself applied last, when it still did so client-side."""
    annotations = live.get("metadata", {}).get("annotations") or {}
    if LAST_APPLIED not in annotations:
        return False
    try:
        applied = fields_of(orjson.loads(annotations[LAST_APPLIED]), type)
    except (ValueError, TypeError, AttributeError):
        return False
    return all(m.fields & changed <= applied for m in others)


def _conflict(conflicts: list[tuple[Manager, list[Path]]]) -> Conflict:
    causes = tuple(
        StatusCause("FieldManagerConflict", f"conflict with {m}", show(path))
        for m, paths in conflicts
        for path in paths
    )
    if len(causes) == 1:
        return Conflict(f"Apply failed with 1 conflict: {causes[0].message}: {causes[0].field}", causes=causes)
    groups = "\n".join(
        sorted(f"conflicts with {m}:\n" + "\n".join(f"- {show(path)}" for path in paths) for m, paths in conflicts)
    )
    return Conflict(f"Apply failed with {len(causes)} conflicts: {groups}", causes=causes)


def _merge_object(live: Obj, applied: Obj, fields: dict[str, Field]) -> Obj:
    merged = dict(live)
    for name, value in applied.items():
        field = fields.get(name)
        merged[name] = _merge_field(live.get(name), value, field) if field is not None else value
    return merged


def _merge_field(live: Any, applied: Any, field: Field) -> Any:
    if live is None or applied is None:
        return applied
    if field.type == "tree" and not (isinstance(live, dict) and isinstance(applied, dict)):
        return applied
    if is_associative(field):
        return _merge_list(live, applied, field)
    if not is_granular(field):
        return applied
    inside = fields_inside(field)
    if inside is None:
        inside = {name: map_value(field, name) for name in applied}
    return _merge_object(live, applied, inside)


def _merge_list(live: list[Any], applied: list[Any], field: Field) -> list[Any]:
    inside = fields_inside(field)
    old = {item_step(item, field): item for item in live}
    new = {
        (step := item_step(item, field)): (
            _merge_object(old[step], item, inside) if step in old and inside is not None else item
        )
        for item in applied
    }
    # What only the server has keeps its place before the item of the applied list that followed it.
    merged: list[Any] = []
    pending = list(new)
    for step, item in old.items():
        if step not in new:
            merged.append(item)
        elif step in pending:
            upto = pending.index(step) + 1
            merged += [new[s] for s in pending[:upto]]
            pending = pending[upto:]
    return merged + [new[s] for s in pending]


def _value(obj: Any, path: Path, type: Type) -> Any:
    """What is at `path`; _ABSENT if nothing is. An item of a list counts as present, whatever is in it."""
    fields: dict[str, Field] | None = type.fields
    field: Field | None = None
    for step in path:
        obj, field = _step(obj, step, fields, field)
        if obj is _ABSENT:
            return _ABSENT
        fields = fields_inside(field) if field is not None else None
    return True if not path[-1].startswith("f:") else obj


_ABSENT = object()


def _step(obj: Any, step: str, fields: dict[str, Field] | None, parent: Field | None) -> tuple[Any, Field | None]:
    if not step.startswith("f:"):
        if parent is None or not isinstance(obj, list):
            return _ABSENT, None
        return next((item for item in obj if item_step(item, parent) == step), _ABSENT), parent
    name = step.removeprefix("f:")
    if not isinstance(obj, dict) or name not in obj:
        return _ABSENT, None
    if fields is not None:
        return obj[name], fields.get(name)
    return obj[name], map_value(parent, name) if parent is not None and is_map(parent) else None


def _remove(obj: Obj, dropped: FieldSet, type: Type, managers: list[Manager]) -> Obj:
    kept = frozenset[Path]().union(*(m.fields for m in managers))
    # Items go before their fields: without its key field an item could not be found any more.
    for path in sorted(dropped, key=len):
        if not any(other[: len(path)] == path for other in kept):
            obj = _without(obj, path, type.fields, None)
    return obj


def _without(obj: Any, path: Path, fields: dict[str, Field] | None, parent: Field | None) -> Any:
    """`obj` without what is at `path`; parents that were owned by nobody and become empty go too."""
    step, rest = path[0], path[1:]
    if isinstance(obj, list):
        return _without_item(obj, step, rest, parent)
    name = step.removeprefix("f:")
    if not isinstance(obj, dict) or name not in obj:
        return obj
    field = fields.get(name) if fields is not None else _map_field(parent, name)
    copy = dict(obj)
    if rest and field is not None:
        copy[name] = _without(obj[name], rest, fields_inside(field), field)
    if not rest or copy[name] in ({}, []):
        del copy[name]
    return copy


def _without_item(items: list[Any], step: str, rest: Path, field: Field | None) -> list[Any]:
    if field is None:
        return items
    if not rest:
        return [item for item in items if item_step(item, field) != step]
    inside = fields_inside(field)
    return [_without(item, rest, inside, field) if item_step(item, field) == step else item for item in items]


def _map_field(parent: Field | None, name: str) -> Field | None:
    return map_value(parent, name) if parent is not None and is_map(parent) else None
