"""From what a client sent to the object as Kubernetes stores it: known fields only, right types, one spelling.

Mirrors what decoding into the API's Go types does: unknown fields are dropped and reported, null and empty optional
strings, lists and maps vanish, quantities take their canonical form, a wrong type is a 400 that names the field.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from cluster.api.custom.schema import prune
from cluster.api.field_errors import invalid, refuse
from cluster.api.go import go_kind
from cluster.api.resource import Resource
from cluster.api.schema import Field, Type, element, lookup, package_of, type_of
from cluster.client import BadRequest, Obj
from cluster.quantity import canonical, whole_thousandths
from cluster.timestamps import format_micro_time, format_time, parse_time

_INT_BITS = {"int32": 31, "int64": 63}
DEPTH_MAX = 100


class WrongType(BadRequest):
    """A value that is of another type than its field."""


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
    body = reader.whole(lookup(type_name), {k: v for k, v in obj.items() if k not in ("apiVersion", "kind")}, "")
    head = {k: obj[k] for k in ("kind", "apiVersion") if obj.get(k)}
    return {**head, **body}, [f'unknown field "{path}"' for path in reader.unknown]


def _custom(resource: Resource, schema: Obj, obj: Obj) -> tuple[Obj, list[str]]:
    """Metadata is what it is everywhere; the rest is the schema's."""
    unknown: list[str] = []
    head = {k: obj[k] for k in ("kind", "apiVersion") if obj.get(k)}
    rest = prune({k: v for k, v in obj.items() if k not in ("kind", "apiVersion", "metadata")}, schema, "", unknown)
    reader = _Reader(resource.kind, unknown)
    metadata = reader.whole(lookup("meta.ObjectMeta"), obj.get("metadata") or {}, "metadata")
    return {**head, "metadata": metadata, **rest}, [f'unknown field "{path}"' for path in unknown]


def strict_error(resource: Resource, problems: list[str]) -> BadRequest:
    """The 400 of fieldValidation=Strict."""
    return BadRequest(_cannot_be_handled(resource, f"strict decoding error: {', '.join(problems)}"))


def check_type_meta(resource: Resource, obj: Obj) -> None:
    """Raise BadRequest unless `obj` says it is of this kind, or says nothing at all."""
    version, kind = obj.get("apiVersion") or resource.api_version, obj.get("kind") or resource.kind
    if not isinstance(version, str) or not isinstance(kind, str):
        raise BadRequest("couldn't get version/kind; json parse error: apiVersion and kind must be strings")
    if (version, kind) == (resource.api_version, resource.kind):
        return
    if resource.custom and version != resource.api_version:
        what = f"the API version in the data ({version}) does not match the expected API version"
        raise BadRequest(f"{what} ({resource.api_version})")
    if resource.custom:
        raise refuse(
            [invalid("kind", kind, f"must be {resource.kind}")], group=resource.group, kind=kind, name=_name(obj)
        )
    group, short = version.rpartition("/")[::2]
    why = f'no kind "{kind}" is registered for version "{version}" in scheme "pkg/api/legacyscheme/scheme.go:30"'
    if _is_known(group, short, kind):
        why = f"converting ({short}.{kind}) to ({_package(resource.group)}.{resource.kind}): unknown conversion"
    raise BadRequest(f'{kind} in version "{short}" cannot be handled as a {resource.kind}: {why}')


def _name(obj: Obj) -> str:
    return str((obj.get("metadata") or {}).get("name") or "")


def _is_known(group: str, version: str, kind: str) -> bool:
    if version != "v1" and (group, version) != ("autoscaling", "v2"):
        return False
    try:
        type_of(group, version, kind)
    except KeyError:
        return False
    return True


def _package(group: str) -> str:
    return group.partition(".")[0] or "core"


def _cannot_be_handled(resource: Resource, why: str) -> str:
    return f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: {why}'


def _is_nothing(field: Field, value: Any) -> bool:
    if field.type[0] in "[{":
        return not value and not field.always
    return not field.has_zero and field.type in _PLAIN and value == _ZEROS[field.type]


class _Wrong(Exception):
    """A value of a wrong type, told as Go's decoder tells it: by the type that has the field, and the fields above it.

    Recorded: invalid-manifests. Places in lists and keys of maps are no part of the path.
    """

    def __init__(self, given: str, wanted: str, *, at_once: bool = False) -> None:
        self.given, self.wanted, self.owner = given, wanted, ""
        self.at_once = at_once
        """Whether Go reads no further: what a type of its own cannot read is told before all that came before."""
        self.path: tuple[str, ...] = ()

    def within(self, type: Type, name: str) -> "_Wrong":
        known = type.fields.get(name)
        if known and known.named and not self.owner:
            self.wanted = known.named if self.wanted == "{Quantity}" else self.wanted.replace("string", known.named)
        inline = (type.inline[name],) if name in type.inline else ()
        self.owner, self.path = self.owner or type.name, (*inline, name, *self.path)
        return self

    def __str__(self) -> str:
        path = ".".join((self.owner.rpartition(".")[2], *self.path))
        return f"json: cannot unmarshal {self.given} into Go struct field {path} of type {_go_type(self.wanted)}"


def _go_type(type: str) -> str:
    if type[0] in "[{":
        return f"{'[]' if type[0] == '[' else 'map[string]'}{_go_type(element(type))}"
    package, _, name = type.rpartition(".")
    if package in ("v1", "v2", "types"):
        return type
    if not package:
        return _GO_TYPES.get(type, type)
    return f"{'v2' if package == 'autoscaling' else 'v1'}.{name}"


_GO_TYPES = {"bytes": "[]uint8", "any": "map[string]interface {}"}


@dataclass(slots=True)
class _Reader:
    kind: str
    unknown: list[str] = field(default_factory=list)
    lenient: bool = False
    """Whether only what Go stumbles over at once is told."""

    def whole(self, type: Type, value: Any, path: str) -> Obj:
        """As `object`, from the outermost one. Raises `WrongType` or another BadRequest."""
        try:
            return self.object(type, value, path, 0)
        except _Wrong as wrong:
            if not wrong.at_once and not self.lenient:
                replace(self, lenient=True, unknown=[]).whole(type, value, path)
            raise WrongType(str(wrong.within(type, path) if path else wrong)) from None

    def object(self, type: Type, value: Any, path: str, depth: int) -> Obj:
        if depth > DEPTH_MAX:
            raise BadRequest(f"{path}: nested more than {DEPTH_MAX} levels deep")
        self._expect(value, dict, type.name)
        known: Obj = {}
        for name, inner in value.items():
            known_field, at = type.fields.get(name), f"{path}.{name}" if path else name
            if known_field is None:
                self.unknown.append(at)
                continue
            try:
                clean = self.value(known_field.type, inner, at, depth + 1)
            except _Wrong as wrong:
                if self.lenient and not wrong.at_once:
                    continue
                raise wrong.within(type, name) from None
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
        self._expect(values, list, f"[{of}]")
        return [self._element(of, value, f"{path}[{i}]", depth) for i, value in enumerate(values)]

    def _map(self, of: str, values: Any, path: str, depth: int) -> Obj:
        self._expect(values, dict, f"{{{of}}}")
        read = {key: self._element(of, value, f"{path}.{key}", depth) for key, value in values.items()}
        return {key: whole_thousandths(amount) for key, amount in read.items()} if of == "Quantity" else read

    def _element(self, of: str, value: Any, path: str, depth: int) -> Any:
        """Within a list or a map, null is the zero of its type, as it is in Go."""
        return _zero(of) if value is None else self.value(of, value, path, depth)

    def _expect(self, value: Any, wanted: type, name: str) -> None:
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise _Wrong(_given(value) if wanted is int else go_kind(value), name)

    def string(self, type: str, value: Any, _path: str) -> str:
        self._expect(value, str, type)
        return str(value)

    def bytes(self, type: str, value: Any, path: str) -> str:
        text = self.string(type, value, path)
        if (wrong := wrong_byte(text)) is not None:
            raise BadRequest(f"illegal base64 data at input byte {wrong}")
        return text

    def boolean(self, type: str, value: Any, _path: str) -> bool:
        self._expect(value, bool, type)
        return bool(value)

    def integer(self, type: str, value: Any, _path: str) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        self._expect(value, int, type)
        if not -(2 ** _INT_BITS[type]) <= value < 2 ** _INT_BITS[type]:
            raise _Wrong(f"number {value}", type)
        return int(value)

    def quantity(self, _type: str, value: Any, _path: str) -> str:
        try:
            return canonical(orjson.dumps(value).decode() if isinstance(value, bool | list | dict) else value)
        except ValueError as error:
            raise BadRequest(str(error)) from None

    def int_or_string(self, _type: str, value: Any, path: str) -> int | str:
        if isinstance(value, str):
            return value
        try:
            return self.integer("int32", value, path)
        except _Wrong as wrong:
            raise _Wrong(wrong.given, wrong.wanted, at_once=True) from None

    def time(self, type: str, value: Any, _path: str) -> str | None:
        if not isinstance(value, str):
            raise _Wrong(go_kind(value), "string", at_once=True)
        try:
            moment = parse_time(value)
        except ValueError:
            layout = "2006-01-02T15:04:05.000000Z07:00" if type == "MicroTime" else "2006-01-02T15:04:05Z07:00"
            why = f'parsing time "{value}" as "{layout}": cannot parse "{value}" as "2006"'
            raise BadRequest(why) from None
        return format_micro_time(moment) if type == "MicroTime" else format_time(moment)

    def any(self, _type: str, value: Any, _path: str) -> Any:
        return value


def wrong_byte(text: str) -> int | None:
    """Where Go's decoder of base64 stumbles: at a strange character, or at the last four if they are not whole."""
    plain = text.rstrip("=")
    if strange := _NOT_BASE64.search(plain):
        return strange.start()
    whole = len(text) % 4 == 0 and len(text) - len(plain) <= 2
    return None if whole else len(plain) // 4 * 4


_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")


def _given(value: Any) -> str:
    return f"number {value}" if isinstance(value, float) else go_kind(value)


def _zero(type: str) -> Any:
    if type[0] == "[":
        return []
    return _ZEROS.get(type, {})


_PLAIN = frozenset({"string", "bool", "int32", "int64"})
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
