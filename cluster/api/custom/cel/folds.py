"""The types of the macros that go through lists, maps and optionals."""

from cluster.api.custom.cel.nodes import Fold
from cluster.api.custom.cel.types import BOOL, DYN, INT, Type, list_of, map_of, optional_of

_OPTIONAL = ("optMap", "optFlatMap")
_ANY_MAP = map_of(DYN, DYN)


def range_of(node: Fold, over: Type) -> tuple[Type, ...] | None:
    """The types of its variables; None where it cannot go through that."""
    if over.is_any or over.is_param:
        return (DYN,) * len(node.variables)
    if node.macro in _OPTIONAL:
        return over.params if over.name == "optional_type" else None
    match over.name:
        case "list":
            return (over.params[0],) if len(node.variables) == 1 else (INT, over.params[0])
        case "map" if node.macro != "sortBy":
            return over.params[: len(node.variables)]
    return None


def fold_types(
    node: Fold, over: Type, given: tuple[Type, ...], steps: tuple[Type, ...]
) -> tuple[tuple[Type, ...], Type]:
    """What type each of its expressions must have, and which it then has itself."""
    condition, last = (BOOL,) * (len(steps) - 1), steps[-1]
    match node.macro:
        case "map" | "transformList":
            return (*condition, last), list_of(last)
        case "transformMap":
            return (*condition, last), map_of(given[0], last)
        case "transformMapEntry":
            return (*condition, _ANY_MAP), last
        case "filter":
            return (BOOL,), list_of(given[0])
        case "sortBy":
            return (last,), list_of(given[0]) if over.is_any else over
        case "optMap":
            return (last,), optional_of(last)
        case "optFlatMap":
            return (optional_of(DYN),), last
    return (BOOL,), BOOL
