"""A schema whose own fields have values of the wrong types, told as Go's decoder tells of it. Pure.

Source: JSONSchemaProps of apiextensions.k8s.io/v1. Places in lists and keys of maps are no part of the path.
"""

from collections.abc import Callable, Iterator
from typing import Any

from cluster.api.go import go_kind

_SCHEMA = "v1.JSONSchemaProps"
_TEXTS = ("id", "$schema", "$ref", "description", "type", "format", "title", "pattern")
_FLAGS = ("exclusiveMaximum", "exclusiveMinimum", "uniqueItems", "nullable")
_COUNTS = ("maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties")
_OWN = "x-kubernetes-"
_GO = {
    **dict.fromkeys((*_TEXTS, f"{_OWN}list-type", f"{_OWN}map-type"), "string"),
    **dict.fromkeys(_FLAGS, "bool"),
    **dict.fromkeys(
        (f"{_OWN}{name}" for name in ("preserve-unknown-fields", "embedded-resource", "int-or-string")), "bool"
    ),
    **dict.fromkeys(_COUNTS, "int64"),
    **dict.fromkeys(("maximum", "minimum", "multipleOf"), "float64"),
    **dict.fromkeys(("required", f"{_OWN}list-map-keys"), "[]string"),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), f"[]{_SCHEMA}"),
    **dict.fromkeys(("properties", "patternProperties"), f"map[string]{_SCHEMA}"),
    "definitions": "v1.JSONSchemaDefinitions",
    "not": _SCHEMA,
    "enum": "[]v1.JSON",
}
_MAPS = ("properties", "patternProperties", "definitions")
_LISTS = ("allOf", "anyOf", "oneOf")
_FITS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int64": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float64": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def misfit(schema: Any, path: str) -> str:
    """The first that is wrong, depth first; "" if nothing is. `path` is that of the schema, as Go tells it."""
    found = next(_misfits(schema, path, _SCHEMA), None)
    if found is None:
        return ""
    given, at, wanted = found
    return f"json: cannot unmarshal {given} into Go struct field JSONSchemaProps.{at} of type {wanted}"


def _misfits(schema: Any, path: str, wanted: str) -> Iterator[tuple[str, str, str]]:
    if not isinstance(schema, dict):
        if schema is not None:
            yield go_kind(schema), path, wanted
        return
    for name, value in schema.items():
        if value is not None:
            yield from _of_field(name, value, f"{path}.{name}")


def _of_field(name: str, value: Any, path: str) -> Iterator[tuple[str, str, str]]:
    wanted = _GO.get(name, "")
    if wanted in _FITS:
        if not _FITS[wanted](value):
            yield _given(value, wanted), path, wanted
    elif name in _MAPS or wanted.startswith("["):
        yield from _of_many(name, value, path, wanted)
    elif wanted or (name in ("items", "additionalProperties") and isinstance(value, dict)):
        yield from _misfits(value, path, _SCHEMA)


def _of_many(name: str, value: Any, path: str, wanted: str) -> Iterator[tuple[str, str, str]]:
    if not isinstance(value, dict if name in _MAPS else list):
        yield go_kind(value), path, wanted
        return
    for inner in value.values() if isinstance(value, dict) else value:
        if name in _MAPS or name in _LISTS:
            yield from _misfits(inner, path, _SCHEMA)
        elif wanted == "[]string" and not isinstance(inner, str):
            yield go_kind(inner), path, "string"


def _given(value: Any, wanted: str) -> str:
    return f"number {value}" if isinstance(value, float) and wanted == "int64" else go_kind(value)
