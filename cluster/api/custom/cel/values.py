"""Values of expressions. Most are Python's own, from bool to dict with None for null; these are the rest."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cluster.api.custom.cel.shape import Shape

SECOND = 1_000_000_000
"""Nanoseconds."""


class Uint(int):
    """An unsigned number, kept apart from the signed ones."""


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    nanoseconds: int


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """Nanoseconds since 1970, and how many minutes before Greenwich it was written."""

    nanoseconds: int
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class TypeValue:
    """A type where it is itself a value, as in `type(self) == string`."""

    name: str


@dataclass(frozen=True, slots=True)
class Optional:
    """A value that need not be there."""

    value: Any = None
    is_there: bool = False


class Record:
    """An object with fields that its schema names; each is read only when it is asked for.

    Fields go by their escaped names, and one that is null counts as missing.
    """

    __slots__ = ("_read", "raw", "shape")

    def __init__(self, raw: dict[str, Any], shape: "Shape") -> None:
        self.raw = raw
        self.shape = shape
        self._read: dict[str, Any] = {}

    def __contains__(self, field: str) -> bool:
        known = self.shape.field(field)
        return known is not None and self.raw.get(known.name) is not None

    def __getitem__(self, field: str) -> Any:
        """Raises KeyError."""
        if field not in self._read:
            known = self.shape.field(field)
            if known is None or self.raw.get(known.name) is None:
                raise KeyError(field)
            self._read[field] = known.shape.read(self.raw[known.name])
        return self._read[field]

    def __len__(self) -> int:
        return len(self.raw)

    def __iter__(self) -> Iterator[str]:
        return (field for field in self.shape.fields if field in self)


class SetList(list[Any]):
    """A list whose order does not matter (`x-kubernetes-list-type: set`)."""

    @cached_property
    def members(self) -> frozenset[Any]:
        return frozenset(map(identity, self))


class KeyedList(list[Any]):
    """A list whose items go by some of their fields (`x-kubernetes-list-type: map`); their order does not matter."""

    def __init__(self, items: list[Any], keys: tuple[str, ...]) -> None:
        super().__init__(items)
        self.keys = keys

    @cached_property
    def by_key(self) -> dict[tuple[Any, ...], Any]:
        return {self.key_of(item): item for item in self}

    def key_of(self, item: Any) -> tuple[Any, ...]:
        return tuple(item[key] if key in item else None for key in self.keys)  # noqa: SIM401 - records have no get


def identity(value: Any) -> Any:
    """The same for values that are equal, and nothing else; can be hashed."""
    if isinstance(value, Record):
        return Record, json.dumps(value.raw, sort_keys=True)
    if isinstance(value, list):
        return list, *map(identity, value)
    if isinstance(value, dict):
        return dict, frozenset((key, identity(inner)) for key, inner in value.items())
    return isinstance(value, bool), value


def is_int64(value: int) -> bool:
    return -(1 << 63) <= value < 1 << 63


def is_uint64(value: int) -> bool:
    return 0 <= value < 1 << 64
