"""Texts that are looked at when the expression is read: patterns, lengths of time and moments."""

from collections.abc import Callable
from typing import Any

from cluster.api.custom.cel.library.conversion import CONVERSION
from cluster.api.custom.cel.library.patterns import pattern
from cluster.api.custom.cel.nodes import Call, Literal
from cluster.api.custom.cel.problems import EvaluationError, Problem

_READ: dict[tuple[str, type], Callable[[Any], object]] = {
    ("matches", str): pattern,
    ("duration", str): CONVERSION["duration(string) duration"],
    ("timestamp", str): CONVERSION["timestamp(string) timestamp"],
    ("timestamp", int): CONVERSION["timestamp(int) timestamp"],
}
_PATTERNS = ("find", "findAll")


def invalid_literal(call: Call) -> Problem | None:
    """What is wrong with the last text of a call, if that is written out."""
    written = call.args[-1] if call.args else None
    read = _READ.get((call.name, type(written.value))) if isinstance(written, Literal) else None
    if read is None or not isinstance(written, Literal):
        return None
    return Problem(written.at, f"invalid {call.name} argument") if _fails(read, written.value) else None


def invalid_pattern(call: Call) -> str:
    """In the words of Go's parser; "" if it is none of those calls, or good."""
    written = call.args[0] if call.args and call.name in _PATTERNS else None
    if not isinstance(written, Literal) or not isinstance(written.value, str):
        return ""
    return _fails(pattern, written.value)


def _fails(read: Callable[[Any], object], written: Any) -> str:
    try:
        read(written)
    except EvaluationError as error:
        return str(error)
    return ""
