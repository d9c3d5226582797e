"""Values that need not be there."""

from collections.abc import Callable
from typing import Any

from cluster.api.custom.cel.problems import EvaluationError
from cluster.api.custom.cel.values import SECOND, Duration, Optional, Timestamp

NONE = Optional()
_ZEROS = (Duration(0), Timestamp(-62_135_596_800 * SECOND))
"""The year 1 is when Go's time begins."""


def some(value: Any) -> Optional:
    return Optional(value, is_there=True)


def _of_non_zero(value: Any) -> Optional:
    return some(value) if value and value not in _ZEROS else NONE


def _value(optional: Optional) -> Any:
    if not optional.is_there:
        raise EvaluationError("optional.none() dereference")
    return optional.value


OPTIONALS: dict[str, Callable[..., Any]] = {
    "optional.of(A) optional_type(A)": some,
    "optional.ofNonZeroValue(A) optional_type(A)": _of_non_zero,
    "optional.none() optional_type(A)": lambda: NONE,
    "optional_type(A) . hasValue() bool": lambda optional: optional.is_there,
    "optional_type(A) . value() A": _value,
    "optional_type(A) . orValue(A) A": lambda optional, other: optional.value if optional.is_there else other,
    "optional_type(A) . or(optional_type(A)) optional_type(A)": lambda one, other: one if one.is_there else other,
}
