"""What a packet filter table should hold, as a value, and the shortest transaction from one such value to another.

A table has a frame, which never changes, and contents: sets and maps, chains, elements. Rewriting everything on every
change would cost time in proportion to the cluster; the difference costs time in proportion to the change.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Contents of a table. Chains may refer to sets and to chains, elements of maps to chains."""

    sets: Mapping[str, str] = field(default_factory=dict)
    """Name to declaration: `type ipv4_addr; flags dynamic;`."""
    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name to rules, in order."""
    elements: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Set or map (also one of the frame) to its elements: key to value, which is "" in a set."""


EMPTY = Ruleset()


def merged(parts: Iterable[Ruleset]) -> Ruleset:
    """All of them in one. Where two say the same of a name, once is enough."""
    sets: dict[str, str] = {}
    chains: dict[str, tuple[str, ...]] = {}
    elements: dict[str, dict[str, str]] = {}
    for part in parts:
        sets.update(part.sets)
        chains.update(part.chains)
        for name, entries in part.elements.items():
            elements.setdefault(name, {}).update(entries)
    return Ruleset(sets, chains, elements)


def whole(table: str, frame: str, contents: Ruleset) -> str:
    """The transaction that puts this in force whatever the table held before, or no table."""
    reset = f"table {table} {{ }}\ndelete table {table}\ntable {table} {{\n{frame}}}\n"
    return reset + change(table, EMPTY, contents)


def change(table: str, old: Ruleset, new: Ruleset) -> str:
    """The transaction from one content to the other; "" when they are equal.

    What is referred to is made before what refers to it, and removed after it.
    """
    return "".join(f"{line}\n" for line in _change(table, old, new))


def _change(table: str, old: Ruleset, new: Ruleset) -> Iterator[str]:
    gone_chains = [name for name in old.chains if name not in new.chains]
    yield from (f"add set {table} {name} {{ {new.sets[name]} }}" for name in new.sets if name not in old.sets)
    yield from (f"add chain {table} {name}" for name in new.chains if name not in old.chains)
    for name, rules in new.chains.items():
        if old.chains.get(name) != rules:
            yield from _rewrite(table, name, rules, known=name in old.chains)
    for name in old.elements:
        yield from _elements("delete", table, name, _without(old, new, name), old)
    for name in new.elements:
        yield from _elements("add", table, name, _without(new, old, name), new)
    yield from (f"flush chain {table} {name}" for name in gone_chains)
    yield from (f"delete chain {table} {name}" for name in gone_chains)
    yield from (f"delete set {table} {name}" for name in old.sets if name not in new.sets)


def _rewrite(table: str, name: str, rules: tuple[str, ...], *, known: bool) -> Iterator[str]:
    if known:
        yield f"flush chain {table} {name}"
    yield from (f"add rule {table} {name} {rule}" for rule in rules)


def _without(this: Ruleset, other: Ruleset, name: str) -> list[str]:
    there = other.elements.get(name, {})
    return [key for key, value in this.elements[name].items() if there.get(key) != value]


def _elements(verb: str, table: str, name: str, keys: list[str], source: Ruleset) -> Iterator[str]:
    if keys:
        entries = source.elements[name]
        listed = ", ".join(f"{key} : {entries[key]}" if entries[key] else key for key in keys)
        yield f"{verb} element {table} {name} {{ {listed} }}"
