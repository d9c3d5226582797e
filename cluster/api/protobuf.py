"""Reads objects in Kubernetes' protobuf encoding: some clients, kubectl among them, send a few kinds so.

A body is the four bytes `k8s\\0` and an `Unknown` message with apiVersion, kind and the object's own bytes
(https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding). Field numbers come from the schema
tables. Answers are always JSON; nothing is ever written in protobuf.
"""

import base64
from collections.abc import Iterator
from typing import Any

import orjson

from cluster.api.schema import element, lookup, package_of
from cluster.client import ApiError, BadRequest, Obj
from cluster.timestamps import format_micro_time, format_time

MAGIC = b"k8s\x00"
DEPTH_MAX = 100

_Value = int | bytes
_Wire = dict[int, list[_Value]]

_ZEROS = (0, "")
_META = frozenset({"DeleteOptions"})


def decode_protobuf(body: bytes) -> Obj:
    """The object in a protobuf body, as JSON would have it. Raises BadRequest, or 415 for a kind we cannot read."""
    if not body.startswith(MAGIC):
        raise BadRequest("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    unknown = _read(body[len(MAGIC) :])
    head = _read(_last_bytes(unknown, 1))
    version, kind = _text(head, 1), _text(head, 2)
    if _text(unknown, 3) or _text(unknown, 4) not in ("", "application/vnd.kubernetes.protobuf"):
        raise BadRequest("the body's contentEncoding or contentType is not supported: send it plain")
    obj = _message(_type_name(version, kind), _last_bytes(unknown, 2), 0)
    return {"apiVersion": version, "kind": kind, **obj}


def _type_name(version: str, kind: str) -> str:
    group, _, bare = version.rpartition("/")
    name = f"meta.{kind}" if kind in _META else f"{package_of(group, bare)}.{kind}"
    try:
        return lookup(name).name
    except KeyError:
        raise ApiError(
            f"{kind} in version {version!r} cannot be read from protobuf by this cluster; send application/json",
            code=415,
            reason="UnsupportedMediaType",
        ) from None


def _message(type_name: str, data: bytes, depth: int) -> Obj:
    if depth > DEPTH_MAX:
        raise BadRequest(f"protobuf nested more than {DEPTH_MAX} levels deep")
    wire = _read(data)
    obj: Obj = {}
    for field in lookup(type_name).message:
        if field.number not in wire:
            continue
        if field.name == "*":
            obj |= _message(field.type, _last_bytes(wire, field.number), depth + 1)
            continue
        value = _field(field.type, wire[field.number], depth + 1)
        # Protobuf says zero where JSON says nothing, except where zero means something.
        if value is not None and (field.has_zero or value not in _ZEROS):
            obj[field.name] = value
    return obj


def _field(type: str, values: list[_Value], depth: int) -> Any:
    if type == "[int32]":
        return [_integer(number) for value in values for number in _packed(value)]
    if type[0] == "[":
        return [_one(element(type), value, depth) for value in values]
    if type[0] == "{":
        return dict(_entry(element(type), _bytes(value), depth) for value in values)
    return _one(type, values[-1], depth)


def _entry(type: str, data: bytes, depth: int) -> tuple[str, Any]:
    wire = _read(data)
    key = _text(wire, 1)
    if type[0] == "[":
        # A map of lists wraps each list in a message of its own.
        return key, _field(type, _read(_last_bytes(wire, 2)).get(1, []), depth)
    return key, _one(type, wire.get(2, [b""])[-1], depth)


def _one(type: str, value: _Value, depth: int) -> Any:
    match type:
        case "bool":
            return bool(_int(value))
        case "int32" | "int64":
            return _integer(_int(value))
        case "string":
            return _utf8(_bytes(value))
        case "bytes":
            return base64.b64encode(_bytes(value)).decode()
        case "Quantity":
            return _text(_read(_bytes(value)), 1)
        case "IntOrString":
            return _int_or_string(_read(_bytes(value)))
        case "Time" | "MicroTime":
            return _time(type, _read(_bytes(value)))
        case "any":
            return _json(_read(_bytes(value)))
    return _message(type, _bytes(value), depth)


def _int_or_string(wire: _Wire) -> int | str:
    if _int(wire.get(1, [0])[-1]) == 1:
        return _text(wire, 3)
    return _integer(_int(wire.get(2, [0])[-1]))


def _time(type: str, wire: _Wire) -> str | None:
    if not wire:
        return None
    seconds, nanos = (_integer(_int(wire.get(number, [0])[-1])) for number in (1, 2))
    try:
        return (format_micro_time if type == "MicroTime" else format_time)(seconds + nanos / 1e9)
    except (OverflowError, ValueError):
        raise BadRequest(f"protobuf time out of range: {seconds} s") from None


def _json(wire: _Wire) -> Any:
    """FieldsV1 and RawExtension carry JSON bytes."""
    try:
        return orjson.loads(_last_bytes(wire, 1))
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"protobuf field with embedded JSON cannot be read: {error}") from None


def _read(data: bytes) -> _Wire:
    wire: _Wire = {}
    for number, value in _fields(data):
        wire.setdefault(number, []).append(value)
    return wire


def _fields(data: bytes) -> Iterator[tuple[int, _Value]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire_type = tag >> 3, tag & 7
        match wire_type:
            case 0:
                value, at = _varint(data, at)
                yield number, value
                continue
            case 1 | 5:
                size = 8 if wire_type == 1 else 4
            case 2:
                size, at = _varint(data, at)
            case _:
                raise BadRequest(f"protobuf wire type {wire_type} is not used by Kubernetes: the body is damaged")
        if at + size > len(data):
            raise BadRequest("protobuf body ends in the middle of a field")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise BadRequest("protobuf body ends in the middle of a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise BadRequest("protobuf number is longer than 64 bits")


def _packed(value: _Value) -> Iterator[int]:
    if isinstance(value, int):
        yield value
        return
    at = 0
    while at < len(value):
        number, at = _varint(value, at)
        yield number


def _integer(value: int) -> int:
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value


def _int(value: _Value) -> int:
    if isinstance(value, bytes):
        raise BadRequest("protobuf field has bytes where a number belongs")
    return value


def _bytes(value: _Value) -> bytes:
    if isinstance(value, int):
        raise BadRequest("protobuf field has a number where bytes belong")
    return value


def _last_bytes(wire: _Wire, number: int) -> bytes:
    return _bytes(wire.get(number, [b""])[-1])


def _text(wire: _Wire, number: int) -> str:
    return _utf8(_last_bytes(wire, number))


def _utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise BadRequest("protobuf string is not UTF-8") from None
