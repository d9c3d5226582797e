"""Lists and maps."""

from collections.abc import Callable, Iterable
from functools import reduce
from itertools import pairwise
from typing import Any

from cluster.api.custom.cel.equality import contains, equal
from cluster.api.custom.cel.library.numbers import unsigned, whole
from cluster.api.custom.cel.problems import EvaluationError, NoSuchOverloadError
from cluster.api.custom.cel.values import Duration, KeyedList, SetList, Uint, identity

_ORDERED = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")


def item_at(items: list[Any], place: float) -> Any:
    if place != int(place):
        raise EvaluationError(f"unsupported index value {place} in list")
    if not 0 <= place < len(items):
        raise EvaluationError(f"index out of bounds: {place}")
    return items[int(place)]


def value_of(values: dict[Any, Any], key: Any) -> Any:
    if key not in values:
        raise EvaluationError(f"no such key: {key}")
    return values[key]


def _joined(one: list[Any], other: list[Any]) -> list[Any]:
    if isinstance(one, SetList):
        return SetList([*one, *(item for item in other if identity(item) not in one.members)])
    if isinstance(one, KeyedList):
        return _merged(one, other)
    return [*one, *other]


def _merged(one: KeyedList, other: list[Any]) -> KeyedList:
    """Of two items with the same key the second stays, in the place of the first."""
    return KeyedList(list({one.key_of(item): item for item in (*one, *other)}.values()), one.keys)


def _is_sorted(items: list[Any]) -> bool:
    return all(one <= other for one, other in pairwise(items))


def _most(pick: Callable[[Iterable[Any]], Any], name: str) -> Callable[[list[Any]], Any]:
    def most(items: list[Any]) -> Any:
        if not items:
            raise EvaluationError(f"{name} called on empty list")
        return pick(items)

    return most


def _index_of(items: list[Any], wanted: Any) -> int:
    return next((place for place, item in enumerate(items) if equal(item, wanted)), -1)


def _last_index_of(items: list[Any], wanted: Any) -> int:
    return next((place for place in range(len(items) - 1, -1, -1) if equal(items[place], wanted)), -1)


def _slice(items: list[Any], start: int, end: int) -> list[Any]:
    if start < 0 or end < 0:
        raise EvaluationError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise EvaluationError(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if end > len(items):
        raise EvaluationError(f"cannot slice({start}, {end}), list is length {len(items)}")
    return items[start:end]


def _flatten(items: list[Any], levels: int = 1) -> list[Any]:
    if levels < 0:
        raise EvaluationError("level must be non-negative")
    if levels == 0:
        return list(items)
    return [part for item in items for part in (_flatten(item, levels - 1) if isinstance(item, list) else [item])]


def _distinct(items: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for item in items:
        if not contains(kept, item):
            kept.append(item)
    return kept


def sorted_by(items: list[Any], keys: list[Any]) -> list[Any]:
    """The items in the order of their keys, which are all of one kind that has an order."""
    if len({type(key) for key in keys}) > 1:
        raise EvaluationError("list elements must have the same type")
    try:
        return [items[place] for place in sorted(range(len(items)), key=keys.__getitem__)]
    except TypeError:
        raise EvaluationError("list elements must be comparable") from None


def _range(count: int) -> list[int]:
    if count > 1_000_000:
        raise EvaluationError(f"list of {count} numbers is too long")
    return list(range(count))


def _check_all(is_in: Callable[[list[Any], Any], bool]) -> Callable[[list[Any], list[Any]], bool]:
    return lambda items, wanted: all(is_in(items, item) for item in wanted)


_holds = _check_all(contains)


def _sum(zero: Any) -> Callable[[list[Any]], Any]:
    return lambda items: reduce(_plus, items) if items else zero


def _plus(one: Any, other: Any) -> Any:
    if isinstance(one, Duration):
        return Duration(whole(one.nanoseconds + other.nanoseconds))
    if isinstance(one, float):
        return one + other
    return unsigned(int(one) + int(other)) if isinstance(one, Uint) else whole(one + other)


def _length(value: Any) -> int:
    if not hasattr(value, "__len__"):
        raise NoSuchOverloadError
    return len(value)


LISTS: dict[str, Callable[..., Any]] = {
    "_+_(list(A), list(A)) list(A)": _joined,
    "_[_](list(A), int) A": item_at,
    "_[_](map(A, B), A) B": value_of,
    **{
        f"{call} int": _length
        for call in ("size(list(A))", "list(A) . size()", "size(map(A, B))", "map(A, B) . size()")
    },
    **{f"list({kind}) . isSorted() bool": _is_sorted for kind in _ORDERED},
    **{f"list({kind}) . max() {kind}": _most(max, "max") for kind in _ORDERED},
    **{f"list({kind}) . min() {kind}": _most(min, "min") for kind in _ORDERED},
    "list(int) . sum() int": _sum(0),
    "list(uint) . sum() uint": _sum(Uint(0)),
    "list(double) . sum() double": _sum(0.0),
    "list(duration) . sum() duration": _sum(Duration(0)),
    "list(A) . indexOf(A) int": _index_of,
    "list(A) . lastIndexOf(A) int": _last_index_of,
    "list(A) . slice(int, int) list(A)": _slice,
    "list(list(A)) . flatten() list(A)": _flatten,
    "list(dyn) . flatten(int) list(dyn)": _flatten,
    "list(A) . distinct() list(A)": _distinct,
    "list(A) . reverse() list(A)": lambda items: list(reversed(items)),
    **{f"list({kind}) . sort() list({kind})": lambda items: sorted_by(items, items) for kind in _ORDERED},
    "lists.range(int) list(int)": _range,
    "sets.contains(list(A), list(A)) bool": _holds,
    "sets.equivalent(list(A), list(A)) bool": lambda one, other: _holds(one, other) and _holds(other, one),
    "sets.intersects(list(A), list(A)) bool": lambda one, other: any(contains(one, item) for item in other),
}
