"""Operators that compare, and the logical ones that evaluate all they are given."""

import operator
from collections.abc import Callable
from typing import Any

from cluster.api.custom.cel.equality import contains, equal

_ORDERED = ("bool", "string", "bytes", "timestamp", "duration")
_NUMBERS = ("int", "uint", "double")
_PAIRS = [(kind, kind) for kind in _ORDERED] + [(one, other) for one in _NUMBERS for other in _NUMBERS]
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

COMPARISON: dict[str, Callable[..., Any]] = {
    **{f"_{sign}_({a}, {b}) bool": compare for sign, compare in _ORDERS.items() for a, b in _PAIRS},
    "_==_(A, A) bool": equal,
    "_!=_(A, A) bool": lambda one, other: not equal(one, other),
    "@in(A, list(A)) bool": lambda item, items: contains(items, item),
    "@in(A, map(A, B)) bool": lambda key, values: key in values,
    "!_(bool) bool": operator.not_,
}
