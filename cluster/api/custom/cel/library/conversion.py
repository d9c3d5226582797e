"""From one type to another."""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from cluster.api.custom.cel.kinds import kind
from cluster.api.custom.cel.library.numbers import unsigned, whole
from cluster.api.custom.cel.library.times import duration, duration_text, timestamp, timestamp_of, timestamp_text
from cluster.api.custom.cel.problems import EvaluationError
from cluster.api.custom.cel.values import SECOND, Duration, TypeValue

_WHOLE, _UNSIGNED = re.compile(r"[+-]?\d+", re.ASCII), re.compile(r"\d+", re.ASCII)
_DOUBLE = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_SPECIAL = {"nan": math.nan, "inf": math.inf, "+inf": math.inf, "-inf": -math.inf}
_BOOLS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}


def _impossible(value: str | bytes, wanted: str) -> EvaluationError:
    return EvaluationError(f"type conversion error from '{kind(value)}' to '{wanted}'")


def _int_of_text(text: str) -> int:
    if not _WHOLE.fullmatch(text) or len(text) > 20:
        raise _impossible(text, "int")
    return whole(int(text))


def _uint_of_text(text: str) -> int:
    if not _UNSIGNED.fullmatch(text) or len(text) > 20:
        raise _impossible(text, "uint")
    return unsigned(int(text))


def _double_of_text(text: str) -> float:
    if not _DOUBLE.fullmatch(text) and text.lower() not in _SPECIAL:
        raise _impossible(text, "double")
    return _SPECIAL.get(text.lower()) or float(text)


def _bool_of_text(text: str) -> bool:
    if text not in _BOOLS:
        raise _impossible(text, "bool")
    return _BOOLS[text]


def _truncated(value: float) -> int:
    if not math.isfinite(value):
        raise EvaluationError("integer overflow")
    return math.trunc(value)


def _text_of_bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise EvaluationError("invalid UTF-8 in bytes, cannot convert to string") from None


def plain_double(value: float) -> str:
    """All digits that it takes to tell it from its neighbours, without an exponent."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    text = f"{Decimal(repr(value)):f}"
    return text.removesuffix(".0")


def _text_of_double(value: float) -> str:
    """The same with an exponent for what is very large or small, as Go prints it (%g)."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    exponent = Decimal(repr(value)).adjusted() if value else 0
    if -4 <= exponent < 6:
        return plain_double(value)
    mantissa, _, power = f"{Decimal(repr(value)).normalize():e}".partition("e")
    return f"{mantissa}e{power[0]}{power[1:]:0>2}"


CONVERSION: dict[str, Callable[..., Any]] = {
    "type(A) type(A)": lambda value: TypeValue(kind(value)),
    "dyn(A) dyn": lambda value: value,
    "bool(bool) bool": lambda value: value,
    "bool(string) bool": _bool_of_text,
    "int(int) int": lambda value: value,
    "int(uint) int": lambda value: whole(int(value)),
    "int(double) int": lambda value: whole(_truncated(value)),
    "int(string) int": _int_of_text,
    "int(timestamp) int": lambda moment: moment.nanoseconds // SECOND,
    "int(duration) int": lambda length: length.nanoseconds,
    "uint(uint) uint": lambda value: value,
    "uint(int) uint": unsigned,
    "uint(double) uint": lambda value: unsigned(_truncated(value)),
    "uint(string) uint": _uint_of_text,
    "double(double) double": lambda value: value,
    "double(int) double": float,
    "double(uint) double": float,
    "double(string) double": _double_of_text,
    "string(string) string": lambda value: value,
    "string(bool) string": lambda value: str(value).lower(),
    "string(int) string": str,
    "string(uint) string": lambda value: str(int(value)),
    "string(double) string": _text_of_double,
    "string(bytes) string": _text_of_bytes,
    "string(timestamp) string": timestamp_text,
    "string(duration) string": duration_text,
    "bytes(bytes) bytes": lambda value: value,
    "bytes(string) bytes": str.encode,
    "duration(duration) duration": lambda value: value,
    "duration(string) duration": duration,
    "duration(int) duration": Duration,
    "timestamp(timestamp) timestamp": lambda value: value,
    "timestamp(string) timestamp": timestamp,
    "timestamp(int) timestamp": timestamp_of,
}
