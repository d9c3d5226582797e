"""Values as programs written in Go print and name them, where Kubernetes shows them in its messages."""

import json
from typing import Any

_JSON_NAMES = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}


def go_text(value: Any) -> str:
    """A JSON value as Go prints it: map[replicas:two]."""
    match value:
        case dict():
            return f"map[{' '.join(f'{key}:{go_text(value[key])}' for key in sorted(value))}]"
        case list():
            return f"[{' '.join(map(go_text, value))}]"
        case bool():
            return str(value).lower()
    return "<nil>" if value is None else str(value)


def go_quoted(text: str) -> str:
    """A text as Go quotes it: what cannot be printed is told by its number."""
    return '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() else _numbered(c)) for c in text) + '"'


_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def _numbered(character: str) -> str:
    number = ord(character)
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def go_kind(value: Any) -> str:
    """What Go's JSON calls a value."""
    return _JSON_NAMES.get(type(value), "value")


def go_value(value: Any) -> str:
    """A JSON value as Go writes it in a program."""
    match value:
        case bool() | None:
            return {True: "true", False: "false", None: "interface {}(nil)"}[value]
        case str():
            return json.dumps(value, ensure_ascii=False)
        case list():
            return f"[]interface {{}}{{{', '.join(map(go_value, value))}}}"
        case dict():
            inner = ", ".join(f"{json.dumps(key)}:{go_value(value[key])}" for key in sorted(value))
            return f"map[string]interface {{}}{{{inner}}}"
    return str(value)
