"""Texts. Places are counted in characters from 0."""

from collections.abc import Callable
from typing import Any

from cluster.api.custom.cel.problems import CostLimitError, EvaluationError

LENGTH_MAX = 10_000_000
_QUOTED = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}
_QUOTES = str.maketrans({**_QUOTED, "\\": r"\\", '"': r"\""})
_LOWER = str.maketrans({chr(code): chr(code).lower() for code in range(128)})
_UPPER = str.maketrans({chr(code): chr(code).upper() for code in range(128)})
_SPACE = " \t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def _char_at(text: str, place: int) -> str:
    return text[_inside(text, place) :][:1]


def _inside(text: str, place: int) -> int:
    if not 0 <= place <= len(text):
        raise EvaluationError(f"index out of range: {place}")
    return place


def _substring(text: str, start: int, end: int | None = None) -> str:
    if end is not None and start > end:
        raise EvaluationError(f"invalid substring range. start: {start}, end: {end}")
    return text[_inside(text, start) : len(text) if end is None else _inside(text, end)]


def _index_of(text: str, part: str, start: int = 0) -> int:
    if part and start < 0:
        raise EvaluationError(f"index out of range: {start}")
    return text.find(part, start) if part else start


def _last_index_of(text: str, part: str, start: int | None = None) -> int:
    if not part:
        return len(text) if start is None else start
    if start is None:
        return text.rfind(part)
    if start < 0:
        raise EvaluationError(f"index out of range: {start}")
    return -1 if start >= len(text) else text.rfind(part, 0, start + len(part))


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    found = text.count(old) if count < 0 else min(count, text.count(old))
    _check_length(len(text) + found * (len(new) - len(old)))
    return text.replace(old, new, count)


def _check_length(length: int) -> None:
    """Before a text is made that would cost more than is allowed anyway. Raises `CostLimitError`."""
    if length > LENGTH_MAX:
        raise CostLimitError


def _split(text: str, separator: str, most: int = -1) -> list[str]:
    if most == 0:
        return []
    if separator:
        return text.split(separator, most - 1 if most > 0 else -1)
    parts = list(text)
    return parts if most < 0 or len(parts) <= most else [*parts[: most - 1], text[most - 1 :]]


def _join(texts: list[Any], separator: str = "") -> str:
    wrong = next((text for text in texts if not isinstance(text, str)), "")
    if not isinstance(wrong, str):
        raise EvaluationError(f"join: invalid input: {wrong}")
    _check_length(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


STRINGS: dict[str, Callable[..., Any]] = {
    "_+_(string, string) string": str.__add__,
    "_+_(bytes, bytes) bytes": bytes.__add__,
    "size(string) int": len,
    "size(bytes) int": len,
    "string . size() int": len,
    "bytes . size() int": len,
    "string . contains(string) bool": str.__contains__,
    "string . startsWith(string) bool": str.startswith,
    "string . endsWith(string) bool": str.endswith,
    "string . charAt(int) string": _char_at,
    "string . indexOf(string) int": _index_of,
    "string . indexOf(string, int) int": _index_of,
    "string . lastIndexOf(string) int": _last_index_of,
    "string . lastIndexOf(string, int) int": _last_index_of,
    "string . lowerAscii() string": lambda text: text.translate(_LOWER),
    "string . upperAscii() string": lambda text: text.translate(_UPPER),
    "string . replace(string, string) string": _replace,
    "string . replace(string, string, int) string": _replace,
    "string . split(string) list(string)": _split,
    "string . split(string, int) list(string)": _split,
    "string . substring(int) string": _substring,
    "string . substring(int, int) string": _substring,
    "string . trim() string": lambda text: text.strip(_SPACE),
    "list(string) . join() string": _join,
    "list(string) . join(string) string": _join,
    "strings.quote(string) string": lambda text: f'"{text.translate(_QUOTES)}"',
}
