"""Numbers and texts as expressions write them."""

import re
from collections.abc import Callable

from cluster.api.custom.cel.problems import DoesNotCompileError, Problem
from cluster.api.custom.cel.tokens import Token
from cluster.api.custom.cel.values import Uint, is_int64, is_uint64

_ESCAPE = re.compile(
    r"""\\(?:(?P<simple>[abfnrtv\\'"?`])|[xX](?P<hex>[0-9a-fA-F]{2})|(?P<octal>[0-3][0-7]{2})
    |u(?P<u4>[0-9a-fA-F]{4})|U(?P<u8>[0-9a-fA-F]{8})|(?P<wrong>.?))""",
    re.VERBOSE | re.DOTALL,
)
_LONGEST = 40
"""Digits of a number that can still fit, with some to spare."""
_SIMPLE = dict(zip("abfnrtv\\'\"?`", "\a\b\f\n\r\t\v\\'\"?`", strict=True))


def value_of(token: Token) -> int | float | str | bytes:
    """Raises `DoesNotCompileError` where the number is too large or an escape is none."""
    match token.kind:
        case "double":
            return float(token.text)
        case "uint":
            return Uint(_whole(token, token.text[:-1], is_uint64))
        case "int":
            return _whole(token, token.text, is_int64)
        case "raw":
            return _unquoted(token.text[1:])
        case "raw_bytes":
            return _unquoted(token.text[2:]).encode()
        case "bytes":
            return _unescaped_bytes(token, _unquoted(token.text[1:]))
    return _unescaped(token, _unquoted(token.text))


def negative(token: Token) -> int | float:
    """A number with a minus before it: the least of all has no positive counterpart."""
    return -float(token.text) if token.kind == "double" else _whole(token, f"-{token.text}", is_int64)


def _whole(token: Token, text: str, fits: Callable[[int], bool]) -> int:
    value = int(text, 16 if "0x" in text else 10) if len(text) <= _LONGEST else None
    if value is None or not fits(value):
        kind = "uint" if fits is is_uint64 else "int"
        raise DoesNotCompileError(Problem(token.at, f"Syntax error: invalid {kind} literal"))
    return value


def _unquoted(text: str) -> str:
    return text[3:-3] if text[:3] in ('"""', "'''") else text[1:-1]


def _unescaped(token: Token, text: str) -> str:
    return _ESCAPE.sub(lambda match: _character(match, token), text)


def _character(match: re.Match[str], token: Token) -> str:
    if match["simple"]:
        return _SIMPLE[match["simple"]]
    code = next((int(match[kind], 16) for kind in ("hex", "u4", "u8") if match[kind]), -1)
    code = int(match["octal"], 8) if match["octal"] else code
    if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise DoesNotCompileError(Problem(token.at, "Syntax error: unable to unescape string"))
    return chr(code)


def _unescaped_bytes(token: Token, text: str) -> bytes:
    parts, end = [], 0
    for match in _ESCAPE.finditer(text):
        parts += [text[end : match.start()].encode(), _byte(match, token)]
        end = match.end()
    return b"".join([*parts, text[end:].encode()])


def _byte(match: re.Match[str], token: Token) -> bytes:
    if match["hex"] or match["octal"]:
        return bytes([int(match["hex"], 16) if match["hex"] else int(match["octal"], 8)])
    return _character(match, token).encode()
