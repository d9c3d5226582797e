"""What expressions see of a structural schema: the types of its values, and how these are read."""

import base64
import binascii
import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cluster.api.custom.cel import types
from cluster.api.custom.cel.escaping import escape
from cluster.api.custom.cel.library.times import schema_duration, timestamp
from cluster.api.custom.cel.problems import EvaluationError
from cluster.api.custom.cel.types import Type
from cluster.api.custom.cel.values import SECOND, Duration, KeyedList, Record, SetList, Timestamp

Schema = dict[str, Any]

_INT_OR_STRING, _EMBEDDED = "x-kubernetes-int-or-string", "x-kubernetes-embedded-resource"
_LIST_TYPE, _LIST_KEYS = "x-kubernetes-list-type", "x-kubernetes-list-map-keys"
_TEXT = {"type": "string"}
_TYPE_META: dict[str, Schema] = {
    "apiVersion": _TEXT,
    "kind": _TEXT,
    "metadata": {"type": "object", "properties": {"name": _TEXT, "generateName": _TEXT}},
}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    shape: "Shape"


@dataclass(frozen=True, slots=True)
class Shape:
    """`type` is what the checker knows; `convert` reads a value that is not null."""

    type: Type
    convert: Callable[[Any], Any]
    nullable: bool = False
    fields: Mapping[str, Field] = dataclasses.field(default_factory=dict)
    """Of an object, by their escaped names."""
    inner: "Shape | None" = None
    """Of the items of a list, or the values of a map."""

    def field(self, name: str) -> Field | None:
        """Words that the language keeps for itself may be written as they are after a dot."""
        return self.fields.get(name) or self.fields.get(f"__{name}__")

    def read(self, value: Any) -> Any:
        """Raises `EvaluationError` for what the schema does not allow."""
        if value is not None:
            return self.convert(value)
        if self.nullable:
            return None
        raise EvaluationError("invalid data, got null for schema with nullable=false")


def shape_of(schema: Schema, name: str, *, is_root: bool = False) -> Shape | None:
    """None where expressions do not see it: what has no type. An object's type is called `name`."""
    nullable = bool(schema.get("nullable"))
    if schema.get(_INT_OR_STRING):
        return Shape(types.DYN, _int_or_string, nullable)
    match schema.get("type"):
        case "object":
            return _object(schema, name, is_root=is_root or bool(schema.get(_EMBEDDED)))
        case "array":
            return _array(schema, name)
        case "string":
            type, convert = _STRINGS.get(schema.get("format", ""), (types.STRING, _as("string", str)))
            return Shape(type, convert, nullable)
    known = _SCALARS.get(schema.get("type", ""))
    return Shape(*known, nullable) if known else None


def _object(schema: Schema, name: str, *, is_root: bool) -> Shape | None:
    properties = _with_type_meta(schema.get("properties") or {}) if is_root else schema.get("properties") or {}
    more = schema.get("additionalProperties")
    if isinstance(more, dict) and more and not properties:
        return _map(more, name, nullable=bool(schema.get("nullable")))
    fields = {}
    for key, sub in properties.items():
        escaped = escape(key)
        shape = shape_of(sub, f"{name}.{escaped}")
        if escaped is not None and shape is not None:
            fields[escaped] = Field(key, shape)
    return _record(name, fields, nullable=bool(schema.get("nullable")))


def _with_type_meta(properties: dict[str, Schema]) -> dict[str, Schema]:
    """What every object has, unless the schema says all of that itself."""
    about = (properties.get("metadata") or {}).get("properties") or {}
    own = [properties.get("apiVersion"), properties.get("kind"), about.get("name"), about.get("generateName")]
    if all(schema and schema.get("type") == "string" for schema in own):
        return properties
    return {**properties, **_TYPE_META}


def _record(name: str, fields: dict[str, Field], *, nullable: bool) -> Shape:
    type = Type(name, fields={key: known.shape.type for key, known in fields.items()})

    def convert(value: Any) -> Record:
        return Record(_mapping(value), shape)

    shape = Shape(type, convert, nullable, fields)
    return shape


def _map(values: Schema, name: str, *, nullable: bool) -> Shape | None:
    shape = shape_of(values, f"{name}.@elem")
    if shape is None:
        return None
    read = shape.read
    type = types.map_of(types.STRING, shape.type)
    return Shape(type, lambda value: {k: read(v) for k, v in _mapping(value).items()}, nullable, inner=shape)


def _array(schema: Schema, name: str) -> Shape | None:
    shape = shape_of(schema["items"], f"{name}.@idx") if schema.get("items") else None
    if shape is None:
        return None
    make = _maker(schema)
    read = shape.read

    def convert(value: Any) -> Any:
        if not isinstance(value, list):
            raise EvaluationError("invalid data, expected an array for the provided schema with type=array")
        return make([read(item) for item in value])

    return Shape(types.list_of(shape.type), convert, bool(schema.get("nullable")), inner=shape)


def _maker(schema: Schema) -> Callable[[list[Any]], list[Any]]:
    match schema.get(_LIST_TYPE):
        case "set":
            return SetList
        case "map":
            keys = tuple(escape(key) or key for key in schema.get(_LIST_KEYS) or ())
            return lambda items: KeyedList(items, keys)
    return lambda items: items


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise EvaluationError("invalid data, expected a map for the provided schema with type=object")
    return value


def _int_or_string(value: Any) -> Any:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return value
    raise EvaluationError("invalid data, expected XIntOrString value to be either a string or integer")


def _as(what: str, *wanted: type) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool)):
            return value
        raise EvaluationError(f"invalid data, expected {what}, got {type(value).__name__}")

    return convert


def _whole(value: Any) -> int:
    return int(_as("int", int)(int(value) if isinstance(value, float) and value.is_integer() else value))


def _number(value: Any) -> float:
    return float(_as("float", int, float)(value))


def _bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(_as("string", str)(value), validate=True)
    except binascii.Error as error:
        raise EvaluationError(f"Invalid byte formatted string {value}: {error}") from None


def _date(value: Any) -> Timestamp:
    try:
        moment = datetime.fromisoformat(value if _DATE.fullmatch(value) else "").replace(tzinfo=UTC)
    except ValueError:
        raise EvaluationError(f"Invalid date formatted string {value}") from None
    return Timestamp(round(moment.timestamp()) * SECOND)


def _date_time(value: Any) -> Timestamp:
    try:
        return timestamp(_as("string", str)(value))
    except EvaluationError as error:
        raise EvaluationError(f"Invalid date-time formatted string {value}: {error}") from None


def _duration(value: Any) -> Duration:
    try:
        return schema_duration(_as("string", str)(value))
    except EvaluationError as error:
        raise EvaluationError(f"Invalid duration {value}: {error}") from None


_SCALARS: dict[str, tuple[Type, Callable[[Any], Any]]] = {
    "boolean": (types.BOOL, _as("bool", bool)),
    "number": (types.DOUBLE, _number),
    "integer": (types.INT, _whole),
}
_STRINGS: dict[str, tuple[Type, Callable[[Any], Any]]] = {
    "byte": (types.BYTES, _bytes),
    "duration": (types.DURATION, _duration),
    "date": (types.TIMESTAMP, _date),
    "date-time": (types.TIMESTAMP, _date_time),
}
