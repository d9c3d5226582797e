"""Operators of numbers. Whole ones have 64 bits and do not wrap around."""

import math
from collections.abc import Callable
from typing import Any

from cluster.api.custom.cel.problems import EvaluationError
from cluster.api.custom.cel.values import Uint, is_int64, is_uint64


def whole(value: int) -> int:
    """Raises `EvaluationError` where it does not fit."""
    if not is_int64(value):
        raise EvaluationError("integer overflow")
    return value


def unsigned(value: int) -> Uint:
    """Raises `EvaluationError` where it does not fit."""
    if not is_uint64(value):
        raise EvaluationError("unsigned integer overflow")
    return Uint(value)


def _divided(one: int, other: int) -> int:
    """Towards zero."""
    if other == 0:
        raise EvaluationError("division by zero")
    return abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)


def _modulo(one: int, other: int) -> int:
    if other == 0:
        raise EvaluationError("modulus by zero")
    return abs(one) % abs(other) * (1 if one >= 0 else -1)


def _ratio(one: float, other: float) -> float:
    if other:
        return one / other
    return math.nan if one == 0 or math.isnan(one) else math.copysign(math.inf, one) * math.copysign(1.0, other)


def _of_ints(operation: Callable[[int, int], int]) -> Callable[[int, int], int]:
    return lambda one, other: whole(operation(one, other))


def _of_uints(operation: Callable[[int, int], int]) -> Callable[[int, int], Uint]:
    return lambda one, other: unsigned(operation(int(one), int(other)))


NUMBERS: dict[str, Callable[..., Any]] = {
    "_+_(int, int) int": _of_ints(int.__add__),
    "_+_(uint, uint) uint": _of_uints(int.__add__),
    "_+_(double, double) double": float.__add__,
    "_-_(int, int) int": _of_ints(int.__sub__),
    "_-_(uint, uint) uint": _of_uints(int.__sub__),
    "_-_(double, double) double": float.__sub__,
    "_*_(int, int) int": _of_ints(int.__mul__),
    "_*_(uint, uint) uint": _of_uints(int.__mul__),
    "_*_(double, double) double": float.__mul__,
    "_/_(int, int) int": _of_ints(_divided),
    "_/_(uint, uint) uint": _of_uints(_divided),
    "_/_(double, double) double": _ratio,
    "_%_(int, int) int": _of_ints(_modulo),
    "_%_(uint, uint) uint": _of_uints(_modulo),
    "-_(int) int": lambda value: whole(-value),
    "-_(double) double": float.__neg__,
}
