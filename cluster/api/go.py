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
