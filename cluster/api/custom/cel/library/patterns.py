"""Regular expressions. RE2 takes time in proportion to the text, whatever the pattern.

It is loaded with the first.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from typing import Any

from cluster.api.custom.cel.problems import EvaluationError

_IN_GO = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid escape sequence": "invalid escape sequence",
    "bad repetition operator": "invalid nested repetition operator",
}


@lru_cache(maxsize=256)
def pattern(text: str) -> Any:
    """Raises `EvaluationError` where it is none, in the words of Go's parser as far as they are the same mistakes."""
    import re2  # noqa: PLC0415 - most clusters never see a pattern in a rule

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except re2.error as error:
        raise EvaluationError(f"error parsing regexp: {_in_go(error, text)}") from None


def _in_go(error: Exception, text: str) -> str:
    what = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error.args[0])
    reason, _, part = what.partition(": ")
    return f"{_IN_GO.get(reason, reason)}: `{part or text}`"


def _found(text: str, regex: str) -> str:
    match = _legal(regex).search(text)
    return str(match.group()) if match else ""


def _all_found(text: str, regex: str, most: int = -1) -> list[str]:
    matches = _legal(regex).finditer(text)
    return [str(match.group()) for match in islice(matches, most if most >= 0 else None)]


def _legal(regex: str) -> Any:
    try:
        return pattern(regex)
    except EvaluationError as error:
        raise EvaluationError(f"Illegal regex: {error}") from None


def _matches(text: str, regex: str) -> bool:
    return pattern(regex).search(text) is not None


PATTERNS: dict[str, Callable[..., Any]] = {
    "string . matches(string) bool": _matches,
    "matches(string, string) bool": _matches,
    "string . find(string) string": _found,
    "string . findAll(string) list(string)": _all_found,
    "string . findAll(string, int) list(string)": _all_found,
}
WHOLE = frozenset({"matches", "find", "findAll"})
"""Whose last text is a pattern: looked at when the rule is written, where it stands there."""
