"""What a call costs, in the units of a real API server: about what it takes to read one field.

Texts count a tenth of their length each time they are gone through. Source: cel-go's and Kubernetes' cost trackers.
Where those count a call as one unit and it takes longer here (lists compared or joined), it counts as what it takes.
"""

from collections.abc import Callable, Sequence
from typing import Any

from cluster.api.custom.cel.values import Record

SELECT = 1
MAKE_LIST, MAKE_MAP = 10, 30
_TEXT, _PATTERN = 0.1, 0.25
_LARGE = 1_000_000
"""Values are counted no further than this, which is more than anything may cost."""


def size(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes | list | dict | Record) else 1


def weight(value: Any) -> int:
    """How much there is to it, all levels together."""
    total, rest = 0, [value]
    while rest and total < _LARGE:
        one = rest.pop()
        total += 1 + (len(one) // 10 if isinstance(one, str | bytes) else 0)
        if isinstance(one, Record):
            rest.append(one.raw)
        elif isinstance(one, list | dict):
            rest += one.values() if isinstance(one, dict) else one
    return total


Cost = Callable[[Sequence[Any]], int]


def before(name: str) -> Cost | None:
    """What a call of this function costs by what it is given; None where that is always 1."""
    return _BY_ARGUMENTS.get(name)


def after(name: str) -> Callable[[Any], int] | None:
    """What its result costs on top."""
    return _BY_RESULT.get(name)


def _texts(args: Sequence[Any]) -> int:
    return _tenth(size(args[0]))


def _tenth(count: float) -> int:
    return -int(-count * _TEXT // 1)


def _compared(args: Sequence[Any]) -> int:
    if isinstance(args[0], int):
        return 1
    if isinstance(args[0], list | dict | Record):
        return min(weight(args[0]), weight(args[1]))
    return _tenth(min(size(args[0]), size(args[1])))


def _added(args: Sequence[Any]) -> int:
    return 1 if isinstance(args[0], int) else _tenth(size(args[0]) + size(args[1]))


def _matched(args: Sequence[Any]) -> int:
    pattern = args[1] if isinstance(args[1], str) else ""
    return _tenth(1 + size(args[0])) * max(1, -int(-len(pattern) * _PATTERN // 1))


def _pairs(args: Sequence[Any]) -> int:
    return 1 + weight(args[0]) * size(args[-1])


def _whole(args: Sequence[Any]) -> int:
    return weight(args[0])


_BY_ARGUMENTS: dict[str, Cost] = {
    **dict.fromkeys(
        ("url", "isURL", "lowerAscii", "upperAscii", "substring", "trim", "startsWith", "endsWith"), _texts
    ),
    **dict.fromkeys(
        ("cidr", "isIP", "isCIDR", "ip", "quantity", "isQuantity", "bytes", "strings.quote", "format"), _texts
    ),
    **dict.fromkeys(("replace", "split"), lambda args: _tenth(2 * size(args[0]))),
    **dict.fromkeys(("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf", "flatten", "reverse", "slice"), _whole),
    **dict.fromkeys(("matches", "find", "findAll"), _matched),
    **dict.fromkeys(("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"), _compared),
    **dict.fromkeys(("sets.contains", "sets.equivalent", "sets.intersects", "distinct"), _pairs),
    "sort": lambda args: 1 + 10 * size(args[0]),
    "lists.range": lambda args: 1 + args[0] if isinstance(args[0], int) else 1,
    "contains": lambda args: _tenth(size(args[0])) * _tenth(size(args[1])),
    "@in": lambda args: weight(args[1]) if isinstance(args[1], list) else 1,
    "_+_": _added,
}
_BY_RESULT: dict[str, Callable[[Any], int]] = {
    **dict.fromkeys(("join", "format", "replace"), lambda result: _tenth(2 * size(result))),
}
