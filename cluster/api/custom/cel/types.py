"""Types of expressions, and which fits where."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_NULLABLE = frozenset({"object", "optional_type", "duration", "timestamp"})
_SHOWN = {"null_type": "null", "free": "dyn"}
_WORD = re.compile(r"[\w.]+|[(),]")


@dataclass(frozen=True, slots=True)
class Type:
    """`name` as CEL writes it; of a type parameter one capital letter. An object has fields and a name of its own."""

    name: str
    params: tuple["Type", ...] = ()
    fields: Mapping[str, "Type"] | None = field(default=None, compare=False, hash=False)

    @property
    def is_param(self) -> bool:
        return len(self.name) == 1

    @property
    def is_any(self) -> bool:
        return self.name in ("dyn", "!error!", "free")

    def __str__(self) -> str:
        shown = _SHOWN.get(self.name, self.name)
        return f"{shown}({', '.join(map(str, self.params))})" if self.params else shown


FREE = Type("free")
"""Of the items of an empty list: whatever is wanted of them."""
DYN, ERROR, BOOL, INT, UINT, DOUBLE, STRING, BYTES, NULL, TIMESTAMP, DURATION = map(
    Type, ("dyn", "!error!", "bool", "int", "uint", "double", "string", "bytes", "null_type", "timestamp", "duration")
)
BY_VALUE = {bool: BOOL, int: INT, float: DOUBLE, str: STRING, bytes: BYTES, type(None): NULL}


def list_of(item: Type) -> Type:
    return Type("list", (item,))


def map_of(key: Type, value: Type) -> Type:
    return Type("map", (key, value))


def optional_of(type: Type) -> Type:
    return Type("optional_type", (type,))


def without_optional(type: Type) -> Type:
    return type.params[0] if type.name == "optional_type" else type


def parse_type(text: str) -> Type:
    """As in a signature: "map(string, list(A))"."""
    return _read(_WORD.findall(text))[0]


def parse_types(text: str) -> tuple[Type, ...]:
    """Those of a signature's parentheses."""
    return parse_type(f"({text})").params if text else ()


def _read(words: Sequence[str]) -> tuple[Type, Sequence[str]]:
    name, words = ("", words) if words[0] == "(" else (words[0], words[1:])
    params: list[Type] = []
    while words and words[0] in ("(" if not params else ","):
        param, words = _read(words[1:])
        params.append(param)
    return Type(name, tuple(params)), words[1:] if params else words


Bindings = dict[str, Type]


def fits(given: Type, wanted: Type, bound: Bindings) -> bool:
    """Whether a value of type `given` may go where `wanted` is declared; writes what its parameters stand for."""
    if wanted.is_param:
        return _binds(given, wanted.name, bound)
    if given.is_any or wanted.is_any:
        return True
    if "null_type" in (given.name, wanted.name):
        return given == wanted or _is_nullable(given if wanted.name == "null_type" else wanted)
    if given.name == wanted.name == "type":
        return True
    same = given.name == wanted.name and len(given.params) == len(wanted.params)
    return same and all(fits(g, w, bound) for g, w in zip(given.params, wanted.params, strict=True))


def _binds(given: Type, param: str, bound: Bindings) -> bool:
    known = bound.get(param)
    if known is None:
        bound[param] = given
        return True
    if fits(given, known, {}):
        bound[param] = most_general(known, given)
        return True
    return False


def most_general(one: Type, other: Type) -> Type:
    """Of two that fit each other the one that says less."""
    if FREE in (one, other):
        return one if other == FREE else other
    if one.is_any or other.is_any:
        return DYN
    if other.name != one.name:
        # null fits what can be null.
        return other if one == NULL else one
    return Type(one.name, tuple(map(most_general, one.params, other.params)), one.fields)


def is_same(one: Type, other: Type) -> bool:
    """Whether they are equal where neither is free."""
    if FREE in (one, other):
        return True
    same = one.name == other.name and len(one.params) == len(other.params)
    return same and all(map(is_same, one.params, other.params))


def is_known(type: Type) -> bool:
    """Whether there is nothing in it that could be anything."""
    return not type.is_any and all(map(is_known, type.params))


def filled_in(type: Type, bound: Bindings) -> Type:
    """With its parameters replaced by what they stand for; what nothing is known of can be anything."""
    if type.is_param:
        return bound.get(type.name, FREE)
    return Type(type.name, tuple(filled_in(param, bound) for param in type.params), type.fields)


def _is_nullable(type: Type) -> bool:
    return type.name in _NULLABLE or type.fields is not None or type.name[0].isupper() or "." in type.name
