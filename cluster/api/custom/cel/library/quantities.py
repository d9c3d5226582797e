"""Quantities, as in "500m" and "1Gi"."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from cluster.api.custom.cel.problems import EvaluationError
from cluster.api.custom.cel.values import is_int64
from cluster.quantity import parse_quantity


def _quantity(text: str) -> Fraction:
    try:
        return parse_quantity(text)
    except ValueError as error:
        raise EvaluationError(str(error)) from None


def _is_quantity(text: str) -> bool:
    try:
        parse_quantity(text)
    except ValueError:
        return False
    return True


def _is_integer(value: Fraction) -> bool:
    return value.denominator == 1 and is_int64(value.numerator)


def _integer(value: Fraction) -> int:
    if not _is_integer(value):
        raise EvaluationError("cannot convert value to integer")
    return value.numerator


def compared(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


QUANTITIES: dict[str, Callable[..., Any]] = {
    "quantity(string) kubernetes.Quantity": _quantity,
    "isQuantity(string) bool": _is_quantity,
    "sign(kubernetes.Quantity) int": lambda value: compared(value, 0),
    "kubernetes.Quantity . isGreaterThan(kubernetes.Quantity) bool": Fraction.__gt__,
    "kubernetes.Quantity . isLessThan(kubernetes.Quantity) bool": Fraction.__lt__,
    "kubernetes.Quantity . compareTo(kubernetes.Quantity) int": compared,
    "kubernetes.Quantity . asApproximateFloat() double": float,
    "kubernetes.Quantity . asInteger() int": _integer,
    "kubernetes.Quantity . isInteger() bool": _is_integer,
    "kubernetes.Quantity . add(kubernetes.Quantity) kubernetes.Quantity": Fraction.__add__,
    "kubernetes.Quantity . add(int) kubernetes.Quantity": Fraction.__add__,
    "kubernetes.Quantity . sub(kubernetes.Quantity) kubernetes.Quantity": Fraction.__sub__,
    "kubernetes.Quantity . sub(int) kubernetes.Quantity": Fraction.__sub__,
}
