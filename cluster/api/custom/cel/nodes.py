"""What an expression consists of. `at` is where in its text: of a call the parenthesis, of an operator its sign."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Select:
    """A field. `test` asks whether it is there; `optional` gives nothing where it is not (`.?`)."""

    operand: "Node"
    field: str
    at: int
    test: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function, or an operator by its name in CEL (`_+_`, `@in`)."""

    name: str
    target: "Node | None"
    args: tuple["Node", ...]
    at: int


@dataclass(frozen=True, slots=True)
class MakeList:
    """`optional` has the places of the items that are left out where they are nothing."""

    items: tuple["Node", ...]
    optional: frozenset[int]
    at: int


@dataclass(frozen=True, slots=True)
class MakeMap:
    entries: tuple[tuple["Node", "Node"], ...]
    optional: frozenset[int]
    at: int


@dataclass(frozen=True, slots=True)
class Fold:
    """A macro that goes through a list or a map: its name, what its variables are called, and what it evaluates."""

    macro: str
    range: "Node"
    variables: tuple[str, ...]
    steps: tuple["Node", ...]
    at: int


Node = Literal | Name | Select | Call | MakeList | MakeMap | Fold


def inner(node: Node) -> tuple[Node, ...]:
    """The nodes right below."""
    match node:
        case Select():
            return (node.operand,)
        case Call():
            return (*((node.target,) if node.target else ()), *node.args)
        case MakeList():
            return node.items
        case MakeMap():
            return tuple(part for entry in node.entries for part in entry)
        case Fold():
            return (node.range, *node.steps)
    return ()


def is_constant(node: MakeList) -> bool:
    """Whether all of its items are written out."""
    return not node.optional and all(isinstance(item, Literal) for item in node.items)


def names_in(node: Node) -> frozenset[str]:
    """Every name that is spoken of, whoever gave it."""
    own = frozenset({node.name}) if isinstance(node, Name) else frozenset()
    return own.union(*(names_in(part) for part in inner(node)))


def qualified(node: Node) -> str | None:
    """The name that a chain of plain fields may be: "google.protobuf.Duration"."""
    if isinstance(node, Name):
        return node.name
    if not isinstance(node, Select) or node.test or node.optional:
        return None
    before = qualified(node.operand)
    return f"{before}.{node.field}" if before else None
