"""What kinds and their fields mean, in a sentence or two each: what `kubectl explain` shows.

A table (`*.txt`) for each one of `cluster.api.schema`, in the voice of somebody who has seen what happens without. A
block is a type: its name and what it is, then its fields. What runs on into the next line is indented by four. The type
`*` has the fields that mean the same wherever they are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

_LIKE = {"core.EphemeralContainer": "core.Container"}
"""Types whose fields are those of another."""


@dataclass(frozen=True, slots=True)
class Words:
    """Of one type; "" for what nobody has said anything about."""

    kind: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    def field(self, name: str) -> str:
        return self.fields.get(name) or common().get(name, "")


def words_of(type: str) -> Words:
    """Of a type of the schema, such as core.Pod."""
    own = _of(type)
    return Words(own.kind, {**_of(_LIKE[type]).fields, **own.fields}) if type in _LIKE else own


@cache
def common() -> Mapping[str, str]:
    return _of("meta.*").fields


@cache
def package(name: str) -> Mapping[str, Words]:
    """All types of a table that anything is said about."""
    try:
        text = files(__name__).joinpath(f"{name}.txt").read_text()
    except FileNotFoundError:
        return {}
    return dict(_block(block) for block in text.strip().split("\n\n"))


def _of(type: str) -> Words:
    table, _, name = type.partition(".")
    return package(table).get(name, Words())


def _block(text: str) -> tuple[str, Words]:
    (name, kind), *fields = _entries(text.replace("\n    ", " ").splitlines())
    return name, Words(kind, dict(fields))


def _entries(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, _, text = line.strip().partition(":")
        yield name, text.strip()
