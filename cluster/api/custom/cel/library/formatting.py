"""`"%d of %s".format([1, "x"])`, with the digits and signs of American English."""

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from cluster.api.custom.cel.kinds import kind
from cluster.api.custom.cel.library.conversion import CONVERSION
from cluster.api.custom.cel.library.times import duration_text, timestamp_text
from cluster.api.custom.cel.problems import EvaluationError

_CLAUSE = re.compile(r"%(?:(?P<percent>%)|(?:\.(?P<precision>\d{1,3}))?(?P<verb>.)?)", re.DOTALL)
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_PRECISION = 6


def _format(pattern: str, values: list[Any]) -> str:
    given = iter(values)
    return _CLAUSE.sub(lambda clause: "%" if clause["percent"] else _clause(clause, given, len(values)), pattern)


def _clause(clause: re.Match[str], given: Iterator[Any], count: int) -> str:
    value = next(given, _MISSING)
    if value is _MISSING:
        raise EvaluationError(f"index {count} out of range")
    verb = clause["verb"] or ""
    if verb not in _VERBS:
        raise EvaluationError(f'could not parse formatting clause: unrecognized formatting clause "{verb}"')
    return _VERBS[verb](value, min(int(clause["precision"] or _PRECISION), 100))


_MISSING = object()


def _wrong(what: str, value: Any) -> EvaluationError:
    return EvaluationError(f"error during formatting: {what}, was given {kind(value)}")


def _text(value: Any, _precision: int = _PRECISION) -> str:
    match kind(value):
        case "null_type":
            return "null"
        case "type":
            return str(value.name)
        case "list":
            return f"[{', '.join(map(_quoted, value))}]"
        case "map":
            return f"{{{', '.join(sorted(f'{_quoted(key)}:{_quoted(value[key])}' for key in value))}}}"
    convert = CONVERSION.get(f"string({kind(value)}) string")
    if convert is None:
        wanted = "strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps"
        raise _wrong(f"string clause can only be used on {wanted}", value)
    return str(convert(value))


def _quoted(value: Any) -> str:
    """As it would be written in an expression."""
    match kind(value):
        case "string":
            return json.dumps(value, ensure_ascii=False)
        case "bytes":
            return f"b{json.dumps(_text(value), ensure_ascii=False)}"
        case "double":
            return f"{value:.{_PRECISION}f}" if math.isfinite(value) else f'"{_special(value)}"'
        case "timestamp":
            return f'timestamp("{timestamp_text(value)}")'
        case "duration":
            return f'duration("{duration_text(value)}")'
    return _text(value)


def _special(value: float) -> str:
    return "NaN" if math.isnan(value) else "∞" if value > 0 else "-∞"


def _decimal(value: Any, _precision: int) -> str:
    if kind(value) not in ("int", "uint"):
        raise _wrong("decimal clause can only be used on integers", value)
    return str(int(value))


def _fixed(value: Any, precision: int) -> str:
    if kind(value) != "double":
        raise _wrong("fixed-point clause can only be used on doubles", value)
    return f"{value:,.{precision}f}" if math.isfinite(value) else _special(value)


def _scientific(value: Any, precision: int) -> str:
    if kind(value) != "double":
        raise _wrong("scientific clause can only be used on doubles", value)
    if not math.isfinite(value):
        return _special(value)
    mantissa, _, exponent = f"{value:.{precision}e}".partition("e")
    return f"{mantissa}\N{MULTIPLICATION SIGN}10{exponent.removeprefix('+').translate(_RAISED)}"


def _binary(value: Any, _precision: int) -> str:
    if kind(value) not in ("int", "uint", "bool"):
        raise _wrong("only integers and bools can be formatted as binary", value)
    return f"{int(value):b}"


def _octal(value: Any, _precision: int) -> str:
    if kind(value) not in ("int", "uint"):
        raise _wrong("octal clause can only be used on integers", value)
    return f"{int(value):o}"


def _hex(value: Any, _precision: int) -> str:
    if kind(value) in ("string", "bytes"):
        return str((value.encode() if isinstance(value, str) else value).hex())
    if kind(value) not in ("int", "uint"):
        raise _wrong("only integers, byte buffers, and strings can be formatted as hex", value)
    return f"{int(value):x}"


_VERBS: dict[str, Callable[[Any, int], str]] = {
    "s": _text,
    "d": _decimal,
    "f": _fixed,
    "e": _scientific,
    "b": _binary,
    "o": _octal,
    "x": _hex,
    "X": lambda value, precision: _hex(value, precision).upper(),
}

FORMATTING: dict[str, Callable[..., Any]] = {"string . format(list(dyn)) string": _format}
