"""What keeps an applied configuration from being one of its kind: unknown fields, other types, items that come twice.

In the words of structured-merge-diff, by which Kubernetes compares what was applied.
"""

from collections.abc import Callable, Iterator
from typing import Any

from cluster.api.field_sets import is_associative, item_step, show
from cluster.api.go import go_value
from cluster.api.schema import Field, Type, element, is_object, lookup

_SCALARS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "string": ("string", lambda value: isinstance(value, str)),
    "bytes": ("string", lambda value: isinstance(value, str)),
    "bool": ("boolean", lambda value: isinstance(value, bool)),
    "int32": ("numeric (int or float)", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    "int64": ("numeric (int or float)", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
}


def misfits(obj: Any, type: Type) -> Iterator[str]:
    """`.spec.replicas: expected numeric (int or float), got …`, one each."""
    return _object({k: v for k, v in obj.items() if k not in ("apiVersion", "kind")}, type, "")


def _object(obj: Any, type: Type, path: str) -> Iterator[str]:
    if not isinstance(obj, dict):
        yield f"{path}: expected map, got {_got(obj)}"
        return
    for name, value in obj.items():
        field = type.fields.get(name)
        if field is None:
            yield f"{path}.{name}: field not declared in schema"
        elif value is not None:
            yield from _field(value, field, f"{path}.{name}")


def _field(value: Any, field: Field, path: str) -> Iterator[str]:
    if field.type[0] == "[":
        yield from _list(value, field, path)
    elif field.type[0] == "{" and isinstance(value, dict):
        for name, inner in value.items():
            yield from _value(inner, element(field.type), f"{path}.{name}")
    else:
        yield from _value(value, field.type, path)


def _list(items: Any, field: Field, path: str) -> Iterator[str]:
    if not isinstance(items, list):
        yield f"{path}: expected list, got {_got(items)}"
        return
    steps = [_step(item, field, i) for i, item in enumerate(items)]
    for twice in dict.fromkeys(step for i, step in enumerate(steps) if step in steps[:i]):
        yield f"{path}: duplicate entries for key {twice}"
    for step, item in zip(steps, items, strict=True):
        yield from _value(item, element(field.type), f"{path}{step}")


def _step(item: Any, field: Field, place: int) -> str:
    """How an item is named: by its keys, or as the value that it is, or by its place."""
    keyed = not field.keys or (isinstance(item, dict) and all(item.get(key) is not None for key in field.keys[:1]))
    return show((item_step(item, field),)) if is_associative(field) and keyed else f"[{place}]"


def _value(value: Any, type: str, path: str) -> Iterator[str]:
    if value is None:
        return
    if is_object(type):
        yield from _object(value, lookup(type), path)
    elif type in _SCALARS and not _SCALARS[type][1](value):
        yield f"{path}: expected {_SCALARS[type][0]}, got {_got(value)}"
    elif type[0] == "{" and not isinstance(value, dict):
        yield f"{path}: expected map, got {_got(value)}"


def _got(value: Any) -> str:
    return f"&value.valueUnstructured{{Value:{go_value(value)}}}"
