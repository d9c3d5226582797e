"""Structural schemas: what of a custom object is kept, what is filled in, and what is wrong with it. Pure.

Source: the page "Extend the Kubernetes API with CustomResourceDefinitions". Messages are those of a real server.
"""

import json
import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from cluster.api.custom.cel.problems import EvaluationError
from cluster.api.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_one_of,
    not_supported,
    required,
    too_long,
)
from cluster.client import BadRequest
from cluster.objects import private_copy
from cluster.timestamps import parse_time

Schema = dict[str, Any]

PRESERVE = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING = "x-kubernetes-int-or-string"
EMBEDDED = "x-kubernetes-embedded-resource"
RULES = "x-kubernetes-validations"
LIST_TYPE, LIST_KEYS = "x-kubernetes-list-type", "x-kubernetes-list-map-keys"
DEPTH_MAX = 100
_TYPE_META = ("apiVersion", "kind", "metadata")
# Beside those that `typed_schema` reads.
_WORDS = {"array": (RULES,), "object": ("items",)}
_RULE_WORDS = {
    **dict.fromkeys(("rule", "message", "messageExpression", "reason", "fieldPath"), "string"),
    "optionalOldSelf": "boolean",
}
_LIST_TYPES = ("atomic", "set", "map")
_COMBINED = ("allOf", "anyOf", "oneOf")


def prune(value: Any, schema: Schema, path: str, unknown: list[str], depth: int = 0) -> Any:
    """A copy without the fields that the schema does not know; their paths are added to `unknown`."""
    if depth > DEPTH_MAX:
        raise BadRequest(f"{path}: nested more than {DEPTH_MAX} levels deep")
    if isinstance(value, list):
        items = schema.get("items")
        return [_inner(v, items, f"{path}[{i}]", unknown, depth) for i, v in enumerate(value)]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, inner in value.items():
        sub, at = sub_schema(schema, name), _join(path, name)
        if sub is not None or schema.get(PRESERVE) or (schema.get(EMBEDDED) and name in _TYPE_META):
            kept[name] = _inner(inner, sub, at, unknown, depth)
        else:
            unknown.append(at)
    return kept


def _inner(value: Any, schema: Schema | None, path: str, unknown: list[str], depth: int) -> Any:
    return prune(value, schema or {PRESERVE: True}, path, unknown, depth + 1)


def fill(value: Any, schema: Schema) -> None:
    """Write the schema's defaults into `value`, in place."""
    if isinstance(value, list):
        for inner in value:
            fill(inner, schema.get("items") or {})
    if not isinstance(value, dict):
        return
    for name, sub in _properties(schema).items():
        if name in value and value[name] is None and not sub.get("nullable"):
            del value[name]
        if name not in value and "default" in sub:
            value[name] = private_copy(sub["default"])
    for name, inner in value.items():
        fill(inner, sub_schema(schema, name) or {})


def check(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    """All that is wrong with a value by its schema."""
    if value is None and schema.get("nullable"):
        return
    wrong = _type_error(value, schema, path)
    if wrong:
        yield wrong
    if schema.get("enum") is not None and value not in schema["enum"]:
        yield not_supported_value(path, value, schema["enum"])
    if wrong:
        return
    # Of what is wrong with a text the first is told, of anything else all.
    found = (error for word, rule in _RULES.items() if word in schema for error in rule(value, schema, path))
    yield from islice(found, 1) if isinstance(value, str) else found
    if isinstance(value, dict):
        yield from _check_object(value, schema, path)
    if isinstance(value, list) and schema.get("items"):
        for i, inner in enumerate(value):
            yield from check(inner, schema["items"], f"{path}[{i}]")
    yield from _check_combined(value, schema, path)


def not_supported_value(path: str, value: Any, valid: list[Any]) -> FieldError:
    if all(isinstance(word, str) for word in valid):
        return not_one_of(path, value, valid)
    shown = ", ".join(json.dumps(word) for word in valid)
    return FieldError(path, "FieldValueNotSupported", f"Unsupported value: {json.dumps(value)}: supported: {shown}")


def list_errors(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    """Items that come twice in a list that is a set, or a map by some of their fields."""
    if isinstance(value, list):
        yield from _twice(value, schema, path)
        for i, inner in enumerate(value):
            yield from list_errors(inner, schema.get("items") or {}, f"{path}[{i}]")
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from list_errors(inner, sub_schema(schema, name) or {}, _join(path, name))


def _twice(items: list[Any], schema: Schema, path: str) -> Iterator[FieldError]:
    kind, keys = schema.get(LIST_TYPE), schema.get(LIST_KEYS) or ()
    if kind not in ("map", "set"):
        return
    seen: set[str] = set()
    for i, item in enumerate(items):
        what = {key: item.get(key) for key in keys if key in item} if kind == "map" and isinstance(item, dict) else item
        written = json.dumps(what, sort_keys=True)
        if written in seen:
            yield duplicate(f"{path}[{i}]", what)
        seen.add(written)


def embedded_errors(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    """An object within an object says what it is."""
    if isinstance(value, dict):
        if schema.get(EMBEDDED):
            yield from (required(_join(path, name)) for name in ("apiVersion", "kind") if not value.get(name))
        for name, inner in value.items():
            yield from embedded_errors(inner, sub_schema(schema, name) or {}, _join(path, name))
    if isinstance(value, list):
        for i, inner in enumerate(value):
            yield from embedded_errors(inner, schema.get("items") or {}, f"{path}[{i}]")


def _check_object(value: dict[str, Any], schema: Schema, path: str) -> Iterator[FieldError]:
    yield from (required(_join(path, name)) for name in schema.get("required") or () if name not in value)
    for name, inner in value.items():
        if sub := sub_schema(schema, name):
            yield from check(inner, sub, _join(path, name))


def _check_combined(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    for sub in schema.get("allOf") or ():
        yield from check(value, sub, path)
    if schema.get("anyOf") and not any(_is_valid(value, sub, path) for sub in schema["anyOf"]):
        yield invalid(path, "", f'"{path}" must validate at least one schema (anyOf)')
    if schema.get("oneOf") and sum(_is_valid(value, sub, path) for sub in schema["oneOf"]) != 1:
        yield invalid(path, "", f'"{path}" must validate one and only one schema (oneOf)')
    if "not" in schema and _is_valid(value, schema["not"], path):
        yield invalid(path, "", f'"{path}" must not validate the schema (not)')


def _is_valid(value: Any, schema: Schema, path: str) -> bool:
    return next(check(value, schema, path), None) is None


def _properties(schema: Schema) -> dict[str, Schema]:
    properties: dict[str, Schema] = schema.get("properties") or {}
    return properties


def sub_schema(schema: Schema, name: str) -> Schema | None:
    """The schema of a field; None if the schema does not know it."""
    if name in _properties(schema):
        return _properties(schema)[name]
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        return more or {PRESERVE: True}
    return {PRESERVE: True} if more else None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


# Types


def _is_integer(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())


_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "number": lambda value: _is_integer(value) or isinstance(value, float),
}


def _type_of(value: Any) -> str:
    return next((name for name, is_one in _TYPES.items() if is_one(value)), "null")


def _type_error(value: Any, schema: Schema, path: str) -> FieldError | None:
    wanted = "integer,string" if schema.get(INT_OR_STRING) else schema.get("type", "")
    found = _type_of(value)
    fits = any(_TYPES[word](value) for word in wanted.split(",") if word) or (not wanted and value is not None)
    if fits and not _misses_format(value, schema.get("format", "")):
        return None
    wanted = schema["format"] if fits else wanted
    shown = json.dumps(value if fits else found)
    what = f"{path} in body must be of type {wanted}: {shown}"
    return FieldError(path, "FieldValueTypeInvalid", f"Invalid value: {shown}: {what}")


def _misses_format(value: Any, format: str) -> bool:
    match format:
        case "int32" | "int64" if _is_integer(value):
            limit = 1 << (int(format[3:]) - 1)
            return bool(not -limit <= value < limit)
        case "date-time":
            return not _is_time(value)
    if not format or not isinstance(value, str):
        return False
    from cluster.api.custom.formats import fits_format  # noqa: PLC0415 - rarely asked for

    return not fits_format(value, format)


def _is_time(text: str) -> bool:
    try:
        parse_time(text)
    except ValueError:
        return False
    return True


# Rules of values, by the schema's word for them


def _minimum(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    low, open = schema["minimum"], schema.get("exclusiveMinimum")
    if value < low or (open and value == low):
        yield _in_body(path, value, f"should be greater than {'' if open else 'or equal to '}{low}")


def _maximum(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    high, open = schema["maximum"], schema.get("exclusiveMaximum")
    if value > high or (open and value == high):
        yield _in_body(path, value, f"should be less than {'' if open else 'or equal to '}{high}")


def _multiple_of(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    if isinstance(value, int) and int(schema["multipleOf"]) == 0:
        # A whole number is divided by a whole number.
        yield invalid(path, value, f"factor MultipleOf declared for {path} must be positive: 0")
        return
    ratio = value / schema["multipleOf"]
    if not math.isclose(ratio, round(ratio)):
        yield _in_body(path, value, f"should be a multiple of {schema['multipleOf']}")


def _pattern(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    if not compiled(schema["pattern"]).search(value):
        yield _in_body(path, value, f"should match '{schema['pattern']}'")


def _min_length(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    if len(value) < schema["minLength"]:
        yield _in_body(path, value, f"should be at least {schema['minLength']} chars long")


def _max_length(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    if len(value) > schema["maxLength"]:
        yield too_long(path, schema["maxLength"])


def _min_items(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    if len(value) < schema["minItems"]:
        yield _in_body(path, len(value), f"should have at least {schema['minItems']} items")


def _max_items(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    yield from _too_many(value, schema["maxItems"], path)


def _min_properties(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    if len(value) < schema["minProperties"]:
        yield _in_body(path, len(value), f"should have at least {schema['minProperties']} properties")


def _max_properties(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    yield from _too_many(value, schema["maxProperties"], path)


def _too_many(value: Any, most: int, path: str) -> Iterator[FieldError]:
    if len(value) > most:
        yield FieldError(path, "FieldValueTooMany", f"Too many: {len(value)}: must have at most {most} items")


def _only(is_one: Callable[[Any], bool], rule: Callable[..., Iterator[FieldError]]) -> Callable[..., Any]:
    """A rule that is silent about values of other types."""
    return lambda value, schema, path: rule(value, schema, path) if is_one(value) else ()


_RULES: dict[str, Callable[[Any, Schema, str], Any]] = {
    "minimum": _only(_TYPES["number"], _minimum),
    "maximum": _only(_TYPES["number"], _maximum),
    "multipleOf": _only(_TYPES["number"], _multiple_of),
    "maxLength": _only(_TYPES["string"], _max_length),
    "minLength": _only(_TYPES["string"], _min_length),
    "pattern": _only(_TYPES["string"], _pattern),
    "minItems": _only(_TYPES["array"], _min_items),
    "maxItems": _only(_TYPES["array"], _max_items),
    "minProperties": _only(_TYPES["object"], _min_properties),
    "maxProperties": _only(_TYPES["object"], _max_properties),
}


def _in_body(path: str, value: Any, what: str) -> FieldError:
    return invalid(path, value, f"{path} in body {what}")


def compiled(pattern: str) -> Any:
    """In Go's syntax. Raises `EvaluationError` in the words of Go's parser."""
    from cluster.api.custom.cel.library import patterns  # noqa: PLC0415 - loads RE2, for schemas that need it

    return patterns.pattern(pattern)


# The schema itself


def structural_errors(schema: Schema, path: str) -> Iterator[FieldError]:
    """What keeps a schema from being structural, or from being a schema at all."""
    if schema.get("type") != "object":
        at = f"{path}.type"
        yield (
            invalid(at, schema["type"], "must be object at the root")
            if schema.get("type")
            else required(at, "must not be empty at the root")
        )
    yield from _structural(schema, path, "specified object fields")


def _structural(schema: Any, path: str, what: str) -> Iterator[FieldError]:
    if misread := list(_unreadable(schema, path)):
        yield from misread
        return
    untyped = not schema.get("type") and not schema.get(PRESERVE) and not schema.get(INT_OR_STRING)
    if untyped:
        yield required(f"{path}.type", f"must not be empty for {what}")
    if schema.get("type") == "array" and not schema.get("items"):
        yield required(f"{path}.items", "must be specified")
    yield from _lists(schema, path)
    yield from _default(schema, path)
    if schema.get("properties") and schema.get("additionalProperties"):
        reason = "additionalProperties and properties are mutual exclusive"
        yield FieldError(f"{path}.additionalProperties", "FieldValueForbidden", f"Forbidden: {reason}")
    yield from _conditions(schema, path)
    yield from _inner_schemas(schema, path, _structural)


def _condition(schema: Any, path: str, _what: str = "") -> Iterator[FieldError]:
    """A schema within allOf, anyOf, oneOf or not: it judges values and may leave out their types."""
    if misread := list(_unreadable(schema, path)):
        yield from misread
        return
    if schema.get("type"):
        yield forbidden(f"{path}.type", "must be empty to be structural")
    if "default" in schema:
        yield forbidden(f"{path}.default", "must be undefined to be structural")
    if schema.get(RULES):
        yield forbidden(f"{path}.{RULES}", "must be empty to be structural")
    yield from _conditions(schema, path)
    yield from _inner_schemas(schema, path, _condition)


def _lists(schema: Schema, path: str) -> Iterator[FieldError]:
    kind, keys, items = schema.get(LIST_TYPE), schema.get(LIST_KEYS), schema.get("items") or {}
    if kind is not None and kind not in _LIST_TYPES:
        yield not_one_of(f"{path}.{LIST_TYPE}", kind, _LIST_TYPES)
    if kind != "map":
        return
    if not keys:
        yield required(f"{path}.{LIST_KEYS}", f"must not be empty if {LIST_TYPE} is map")
    elif any(key not in _properties(items) for key in keys):
        yield invalid(f"{path}.{LIST_KEYS}", keys, "entries must all be names of item properties")
    if items.get("type") != "object":
        why = f"must be object if parent array's {LIST_TYPE} is map"
        yield invalid(f"{path}.items.type", items.get("type", ""), why)


def _default(schema: Schema, path: str) -> Iterator[FieldError]:
    """A default must be valid itself, and hold nothing that would be dropped."""
    if schema.get("default") is None:
        return
    unknown: list[str] = []
    prune(schema["default"], schema, "", unknown)
    if unknown:
        yield invalid(f"{path}.default", schema["default"], "must not have unknown fields")
        return
    for error in check(schema["default"], schema, ""):
        yield FieldError(".".join(filter(None, (f"{path}.default", error.field))), error.reason, error.message)


def _conditions(schema: Schema, path: str) -> Iterator[FieldError]:
    for word in _COMBINED:
        for i, sub in enumerate(schema.get(word) or ()):
            if not _says_int_or_string(schema if word == "anyOf" else sub if (word, i) == ("allOf", 0) else {}):
                yield from _condition(sub, f"{path}.{word}[{i}]")
    if schema.get("not") is not None:
        yield from _condition(schema["not"], f"{path}.not")


def _says_int_or_string(schema: Any) -> bool:
    """Here alone conditions may have types: by themselves, or as the first that all must meet."""
    return isinstance(schema, dict) and schema.get("anyOf") == [{"type": "integer"}, {"type": "string"}]


def _inner_schemas(
    schema: Schema, path: str, look: Callable[[Any, str, str], Iterator[FieldError]]
) -> Iterator[FieldError]:
    for name, sub in _properties(schema).items():
        yield from look(sub, f"{path}.properties[{name}]", "specified object fields")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from look(schema["additionalProperties"], f"{path}.additionalProperties", "specified map values")
    if schema.get("items"):
        yield from look(schema["items"], f"{path}.items", "specified array items")


def _unreadable(schema: Any, path: str) -> Iterator[FieldError]:
    yield from (invalid(f"{path}.{word}", schema[word], what) for word, what in _misread(schema))
    if isinstance(schema.get("type"), str) and schema["type"] and schema["type"] not in _TYPES:
        yield not_supported(f"{path}.type", schema["type"], _TYPES)
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and (error := _regexp_error(pattern)):
        yield invalid(f"{path}.pattern", pattern, f"must be a valid regular expression, but isn't: {error}")


def _misread(schema: Schema) -> Iterator[tuple[str, str]]:
    """The words of a schema that have a value of the wrong type."""
    for kind, words in _WORDS.items():
        wrong = [word for word in words if schema.get(word) is not None and not _TYPES[kind](schema[word])]
        yield from ((word, f"must be of type {kind}") for word in wrong)
    rules = schema.get(RULES)
    for rule in rules if isinstance(rules, list) else ():
        if not isinstance(rule, dict) or not all(_has_type(rule.get(word), kind) for word, kind in _RULE_WORDS.items()):
            yield RULES, "must be of type object"
    if _is_integer(schema.get("multipleOf", 1)) and schema.get("multipleOf", 1) <= 0:
        yield "multipleOf", "must be greater than 0"


def _has_type(value: Any, kind: str) -> bool:
    return value is None or _TYPES[kind](value)


def _regexp_error(pattern: str) -> str:
    try:
        compiled(pattern)
    except EvaluationError as error:
        return str(error)
    return ""


def has_rules(schema: Schema) -> bool:
    """Whether there are any where values are: in conditions they may not be."""
    return any(part.get(RULES) for part in parts(schema))


def parts(schema: Schema) -> Iterator[Schema]:
    """The schema and every schema within."""
    yield schema
    inner = [*_properties(schema).values(), schema.get("items"), schema.get("additionalProperties"), schema.get("not")]
    for sub in [*inner, *(each for word in _COMBINED for each in schema.get(word) or ())]:
        if isinstance(sub, dict):
            yield from parts(sub)
