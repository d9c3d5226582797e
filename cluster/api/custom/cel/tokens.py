"""An expression's words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cluster.api.custom.cel.problems import DoesNotCompileError, Problem

RESERVED = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
END = "<EOF>"
_QUOTED = r'"""(?:[^\\]|\\.)*?"""' + r"|'''(?:[^\\]|\\.)*?'''" + r"""|"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*'"""
_RAW = r'"""(?:.)*?"""' + r"|'''(?:.)*?'''" + r"""|"[^"\r\n]*"|'[^'\r\n]*'"""
_TOKEN = re.compile(
    rf"""(?P<space>[ \t\r\n\f]+|//[^\n]*)
    |(?P<double>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)
    |(?P<uint>(?:0x[0-9a-fA-F]+|\d+)[uU])
    |(?P<int>0x[0-9a-fA-F]+|\d+)
    |(?P<raw_bytes>[bB][rR](?:{_RAW}))|(?P<raw>[rR](?:{_RAW}))
    |(?P<bytes>[bB](?:{_QUOTED}))|(?P<string>{_QUOTED})
    |(?P<name>[A-Za-z_]\w*)
    |(?P<mark>&&|\|\||==|!=|<=|>=|[-<>+*/%!?:.,()\[\]{{}}])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is one of double, uint, int, raw_bytes, raw, bytes, string, name and mark, or `END`."""

    kind: str
    text: str
    at: int


def tokens(source: str) -> Iterator[Token]:
    """All words, then one of kind `END`. Raises `DoesNotCompileError`."""
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            what = source[at].encode("unicode_escape").decode() if source[at] < " " else source[at:]
            raise DoesNotCompileError(Problem(at, f"Syntax error: token recognition error at: '{what}'"))
        if match.lastgroup != "space":
            yield Token(match.lastgroup or "", match[0], at)
        at = match.end()
    yield Token(END, END, at)
