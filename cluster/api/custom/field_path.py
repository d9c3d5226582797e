"""The `fieldPath` of a rule: fields and keys of maps, as in `.spec.hosts['a.b']`."""

import re
from collections.abc import Iterator

from cluster.api.custom.schema import Schema

_STEP = re.compile(r"""\.(?P<name>[^.\[\]']+) | \['(?P<key>(?:[^'\\]|\\.)*)'\]""", re.VERBOSE)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "'": "'", "\\": "\\"}
_ESCAPE = re.compile(r"\\(.)")


def field_path(path: str, schema: Schema) -> str | None:
    """As errors write it ("spec.hosts[a.b]"); None where the schema has no such field."""
    shown = ""
    for step in _steps(path):
        if step is None:
            return None
        properties, more = schema.get("properties"), schema.get("additionalProperties")
        if properties and step in properties:
            shown, schema = f"{shown}.{step}" if shown else step, properties[step]
        elif not properties and isinstance(more, dict):
            shown, schema = f"{shown}[{step}]", more
        else:
            return None
    return shown


def _steps(path: str) -> Iterator[str | None]:
    """The names on the way; None where the path cannot be read."""
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        yield _name(step) if step else None
        at = step.end() if step else len(path)


def _name(step: re.Match[str]) -> str | None:
    if step["key"] is None:
        return step["name"]
    if any(escape[1] not in _ESCAPES for escape in _ESCAPE.finditer(step["key"])):
        return None
    return _ESCAPE.sub(lambda escape: _ESCAPES[escape[1]], step["key"])
