"""From what a client sent to the object as Kubernetes stores it: known fields only, right types, one spelling.

Mirrors what decoding into the API's Go types does: unknown fields are dropped and reported, null and empty optional
strings, lists and maps vanish, quantities take their canonical form, a wrong type is a 400 that names the field.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from cluster.api.custom.schema import prune
from cluster.api.resource import Resource
from cluster.api.schema import Field, Type, element, lookup, package_of, type_of
from cluster.client import BadRequest, Obj
from cluster.quantity import canonical
from cluster.timestamps import format_micro_time, format_time, parse_time

_JSON_NAMES = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}
_INT_BITS = {"int32": 31, "int64": 63}
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]|=(?!=?$)")
_PLACES = re.compile(r"\[\d+\]")
DEPTH_MAX = 100


def go_text(value: Any) -> str:
    """A JSON value as Go prints it: map[replicas:two]."""
    match value:
        case dict():
            return f"map[{' '.join(f'{key}:{go_text(value[key])}' for key in sorted(value))}]"
        case list():
            return f"[{' '.join(map(go_text, value))}]"
        case bool():
            return str(value).lower()
    return "<nil>" if value is None else str(value)


class WrongType(BadRequest):
    """A value that is of another type than its field."""


def go_kind(value: Any) -> str:
    """What Go's JSON calls a value."""
    return _JSON_NAMES.get(type(value), "value")


def decode(resource: Resource, obj: Obj) -> tuple[Obj, list[str]]:
    """A clean copy of `obj`, and one `unknown field "spec.foo"` for each field that is not of this kind.

    Raises BadRequest for a wrong apiVersion or kind, or a value of a wrong type.
    """
    check_type_meta(resource, obj)
    if resource.custom:
        return _custom(resource, resource.custom.schema, obj)
    try:
        return decode_as(f"{package_of(resource.group, resource.version)}.{resource.kind}", resource.kind, obj)
    except BadRequest as error:
        raise type(error)(_cannot_be_handled(resource, error.message)) from None


def decode_as(type_name: str, kind: str, obj: Obj) -> tuple[Obj, list[str]]:
    """As `decode`, for kinds that are no resources of their own: Scale, Eviction, Binding, TokenRequest, reviews."""
    reader = _Reader(kind)
    body = reader.object(lookup(type_name), {k: v for k, v in obj.items() if k not in ("apiVersion", "kind")}, "", 0)
    head = {k: obj[k] for k in ("kind", "apiVersion") if obj.get(k)}
    return {**head, **body}, [f'unknown field "{path}"' for path in reader.unknown]


def _custom(resource: Resource, schema: Obj, obj: Obj) -> tuple[Obj, list[str]]:
    """Metadata is what it is everywhere; the rest is the schema's."""
    unknown: list[str] = []
    head = {k: obj[k] for k in ("kind", "apiVersion") if obj.get(k)}
    rest = prune({k: v for k, v in obj.items() if k not in ("kind", "apiVersion", "metadata")}, schema, "", unknown)
    reader = _Reader(resource.kind, unknown)
    metadata = reader.object(lookup("meta.ObjectMeta"), obj.get("metadata") or {}, "metadata", 0)
    return {**head, "metadata": metadata, **rest}, [f'unknown field "{path}"' for path in unknown]


def strict_error(resource: Resource, problems: list[str]) -> BadRequest:
    """The 400 of fieldValidation=Strict."""
    return BadRequest(_cannot_be_handled(resource, f"strict decoding error: {', '.join(problems)}"))


def check_type_meta(resource: Resource, obj: Obj) -> None:
    """Raise BadRequest unless `obj` says it is of this kind, or says nothing at all."""
    version, kind = obj.get("apiVersion") or resource.api_version, obj.get("kind") or resource.kind
    if not isinstance(version, str) or not isinstance(kind, str):
        raise BadRequest("couldn't get version/kind; json parse error: apiVersion and kind must be strings")
    if (version, kind) != (resource.api_version, resource.kind):
        if version == resource.api_version and _is_known(resource, kind):
            parts = f"({resource.version}.{kind}) to ({resource.group.split('.')[0] or 'core'}.{resource.kind})"
            why = f"cannot be handled as a {resource.kind}: converting {parts}: unknown conversion"
            raise BadRequest(f'{kind} in version "{resource.version}" {why}')
        raise BadRequest(
            f"the API version in the data ({version}, Kind={kind}) does not match the expected API version "
            f"({resource.api_version}, Kind={resource.kind})"
        )


def _is_known(resource: Resource, kind: str) -> bool:
    """Whether the resource's group has such a kind, too."""
    try:
        type_of(resource.group, resource.version, kind)
    except KeyError:
        return False
    return not resource.custom


def _cannot_be_handled(resource: Resource, why: str) -> str:
    return f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: {why}'


def _is_nothing(field: Field, value: Any) -> bool:
    if field.type[0] in "[{":
        return not value and not field.always
    return value == "" and field.type == "string" and not field.has_zero


@dataclass(slots=True)
class _Reader:
    kind: str
    unknown: list[str] = field(default_factory=list)
    inside: str = ""
    """The type that is being read."""

    def object(self, type: Type, value: Any, path: str, depth: int) -> Obj:
        if depth > DEPTH_MAX:
            raise BadRequest(f"{path}: nested more than {DEPTH_MAX} levels deep")
        self._expect(value, dict, path, type.name)
        known: Obj = {}
        for name, inner in value.items():
            known_field, at = type.fields.get(name), f"{path}.{name}" if path else name
            if known_field is None:
                self.unknown.append(at)
                continue
            self.inside = type.name.rpartition(".")[2]
            clean = self.value(known_field.type, inner, at, depth + 1)
            if clean is None and known_field.always and known_field.type == "Time":
                known[name] = None
            if clean is None or _is_nothing(known_field, clean):
                continue
            known[name] = clean
        return known

    def value(self, type: str, value: Any, path: str, depth: int) -> Any:
        if value is None:
            return None
        if type[0] == "[":
            return self._list(element(type), value, path, depth)
        if type[0] == "{":
            return self._map(element(type), value, path, depth)
        scalar = _SCALARS.get(type)
        return scalar(self, type, value, path) if scalar else self.object(lookup(type), value, path, depth)

    def _list(self, of: str, values: Any, path: str, depth: int) -> list[Any]:
        self._expect(values, list, path, f"[]{of}")
        return [self._element(of, value, f"{path}[{i}]", depth) for i, value in enumerate(values)]

    def _map(self, of: str, values: Any, path: str, depth: int) -> Obj:
        self._expect(values, dict, path, f"map[string]{of}")
        return {key: self._element(of, value, path, depth) for key, value in values.items()}

    def _element(self, of: str, value: Any, path: str, depth: int) -> Any:
        """Within a list or a map, null is the zero of its type, as it is in Go."""
        return _zero(of) if value is None else self.value(of, value, path, depth)

    def _expect(self, value: Any, wanted: type, path: str, name: str) -> None:
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise self.wrong(value, path, name)

    def wrong(self, value: Any, path: str, name: str) -> BadRequest:
        # Go names the innermost struct, and no places in lists.
        field = f"{self.inside or self.kind}.{_PLACES.sub('', path)}"
        return WrongType(f"json: cannot unmarshal {go_kind(value)} into Go struct field {field} of type {name}")

    def string(self, type: str, value: Any, path: str) -> str:
        self._expect(value, str, path, type)
        return str(value)

    def bytes(self, type: str, value: Any, path: str) -> str:
        self._expect(value, str, path, type)
        encoded = value.replace("\n", "").replace("\r", "")
        foreign = _NOT_BASE64.search(encoded)
        if foreign or len(encoded) % 4:
            at = foreign.start() if foreign else len(encoded) - len(encoded) % 4
            raise BadRequest(f"illegal base64 data at input byte {at}")
        return str(value)

    def boolean(self, type: str, value: Any, path: str) -> bool:
        self._expect(value, bool, path, type)
        return bool(value)

    def integer(self, type: str, value: Any, path: str) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        self._expect(value, int, path, type)
        if not -(2 ** _INT_BITS[type]) <= value < 2 ** _INT_BITS[type]:
            raise BadRequest(
                f"json: cannot unmarshal number {value} into Go struct field {self.kind}.{path} of type {type}"
            )
        return int(value)

    def quantity(self, type: str, value: Any, path: str) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.wrong(value, path, type)
        try:
            return canonical(value)
        except ValueError as error:
            raise BadRequest(str(error)) from None

    def int_or_string(self, _type: str, value: Any, path: str) -> int | str:
        if isinstance(value, str):
            return value
        return self.integer("int32", value, path)

    def time(self, type: str, value: Any, path: str) -> str | None:
        self._expect(value, str, path, type)
        try:
            moment = parse_time(value)
        except ValueError:
            raise BadRequest(f'{self.kind}.{path}: parsing time "{value}" as RFC 3339: cannot parse') from None
        return format_micro_time(moment) if type == "MicroTime" else format_time(moment)

    def any(self, _type: str, value: Any, _path: str) -> Any:
        return value


def _zero(type: str) -> Any:
    if type[0] == "[":
        return []
    return _ZEROS.get(type, {})


_ZEROS = {
    "string": "",
    "bytes": "",
    "bool": False,
    "int32": 0,
    "int64": 0,
    "Quantity": "0",
    "IntOrString": 0,
    "Time": None,
    "MicroTime": None,
    "any": None,
}
_SCALARS = {
    "string": _Reader.string,
    "bytes": _Reader.bytes,
    "bool": _Reader.boolean,
    "int32": _Reader.integer,
    "int64": _Reader.integer,
    "Quantity": _Reader.quantity,
    "IntOrString": _Reader.int_or_string,
    "Time": _Reader.time,
    "MicroTime": _Reader.time,
    "any": _Reader.any,
}
