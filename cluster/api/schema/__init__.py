"""The fields of every kind: their types, how lists of them merge, and their protobuf numbers.

The tables (`*.txt`, one an API group) carry the facts of the Kubernetes API v1.36 that this cluster serves; field
validation, strategic merge, server-side apply, OpenAPI and protobuf decoding are all read off them. A line is
`number name type flags…`; `[X]` is a list, `{X}` a map from strings, `*` a part that JSON writes inline. Flags:

    required    must be given
    always      written even when empty; of a Time, even when null
    pointer     of a scalar: zero is a value of its own; elsewhere zero is the same as nothing
    merge=KEY   strategic merge matches items by KEY; plain `merge` joins lists of words
    replace     strategic merge does not look inside
    retainKeys  strategic merge clears what the patch does not name
    keys=A,B    server-side apply matches items by A and B
    set         server-side apply owns each value of its own
    atomic      server-side apply owns it as a whole (of a type: every field of that type)
    named=TYPE  what Go calls the texts that it is or holds, where they have a type of their own

Types of another table are written with its name: `core.PodTemplateSpec`, `meta.ObjectMeta`. Volume sources that
this cluster refuses are `any`; a `tree` is what server-side apply owns key by key all the way down (custom resources).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

SCALARS = frozenset(
    {"string", "bool", "int32", "int64", "bytes", "any", "tree", "Quantity", "IntOrString", "Time", "MicroTime"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a type. `type` is fully qualified: "string", "core.Probe", "[core.Container]", "{Quantity}"."""

    name: str
    number: int
    type: str
    required: bool = False
    always: bool = False
    pointer: bool = False
    merge: bool = False
    merge_key: str = ""
    replace: bool = False
    retain_keys: bool = False
    keys: tuple[str, ...] = ()
    set: bool = False
    atomic: bool = False
    named: str = ""

    @property
    def has_zero(self) -> bool:
        """Whether zero is kept: where it is not, an API server takes it for nothing and fills in the default."""
        return self.required or self.always or self.pointer


@dataclass(frozen=True, slots=True)
class Type:
    """An object type. `fields` are as JSON has them; `message` as protobuf has them, inline parts under "*"."""

    name: str
    fields: dict[str, Field]
    message: tuple[Field, ...]
    atomic: bool = False
    inline: Mapping[str, str] = field(default_factory=dict)
    """By field, the part that it comes from, of those that JSON writes inline."""


def lookup(name: str) -> Type:
    """The type called `core.Pod`. Raises KeyError."""
    return _package(name.partition(".")[0])[name]


def is_object(type: str) -> bool:
    """Whether a field's type is an object type of the tables, not a scalar, list or map."""
    return type[0] not in "[{" and type not in SCALARS


def element(type: str) -> str:
    """What a list or map is of."""
    return type[1:-1]


def package_of(group: str, version: str) -> str:
    """The table of an API group: "rbac" for rbac.authorization.k8s.io."""
    name = group.partition(".")[0] or "core"
    return f"{name}_{version}" if (name, version) == ("autoscaling", "v1") else name


def type_of(group: str, version: str, kind: str) -> Type:
    """The type of a kind of object. Raises KeyError if it is not one of ours."""
    return lookup(f"{package_of(group, version)}.{kind}")


@cache
def types_of_package(package: str) -> tuple[Type, ...]:
    return tuple(_package(package).values())


@cache
def _package(package: str) -> dict[str, Type]:
    try:
        text = files(__name__).joinpath(f"{package}.txt").read_text()
    except FileNotFoundError:
        raise KeyError(package) from None
    raw = [_parse_type(block.splitlines(), package) for block in text.strip().split("\n\n")]
    named = {name: message for name, _, message in raw}
    return {
        name: Type(name, _flatten(message, named), message, atomic, _inline(message, named))
        for name, atomic, message in raw
    }


def _parse_type(lines: list[str], package: str) -> tuple[str, bool, tuple[Field, ...]]:
    _, name, *flags = lines[0].split()
    return f"{package}.{name}", "atomic" in flags, tuple(_parse_field(line, package) for line in lines[1:])


def _parse_field(line: str, package: str) -> Field:
    number, name, type, *flags = line.split()
    made = Field(name=name, number=int(number), type=_qualify(type, package))
    for flag in flags:
        made = _with_flag(made, *flag.partition("=")[::2])
    return made


_PLAIN = {
    **{name: name for name in ("required", "always", "pointer", "replace", "set", "atomic", "merge")},
    "retainKeys": "retain_keys",
}
"""Flags by the field that they make true."""


def _with_flag(made: Field, flag: str, value: str) -> Field:
    if flag == "named":
        return replace(made, named=value)
    if flag == "keys":
        return replace(made, keys=tuple(value.split(",")))
    if flag not in _PLAIN:
        raise ValueError(f"the schema tables know no flag {flag!r}")
    said: dict[str, Any] = {_PLAIN[flag]: True} | ({"merge_key": value} if flag == "merge" else {})
    return replace(made, **said)


def _qualify(type: str, package: str) -> str:
    if type[0] in "[{":
        return f"{type[0]}{_qualify(element(type), package)}{type[-1]}"
    return type if type in SCALARS or "." in type else f"{package}.{type}"


def _inline(message: tuple[Field, ...], named: dict[str, tuple[Field, ...]]) -> dict[str, str]:
    parts = (item.type for item in message if item.name == "*")
    return {name: part.partition(".")[2] for part in parts for name in _flatten(named[part], named)}


def _flatten(message: tuple[Field, ...], named: dict[str, tuple[Field, ...]]) -> dict[str, Field]:
    flat: dict[str, Field] = {}
    for item in message:
        flat |= _flatten(named[item.type], named) if item.name == "*" else {item.name: item}
    return flat
