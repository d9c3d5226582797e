"""The JSONPath of printer columns, scale subresources and selectable fields: fields, indices, `[*]` and filters by
equality, as in `.status.conditions[?(@.type=="Ready")].status`."""

import re
from collections.abc import Iterator
from typing import Any

_STEP = re.compile(
    r"""\.(?P<name>[\w/-]+(?:\\\.[\w/-]+)*) | \[(?P<index>-?\d+)\] | \[(?P<all>\*)\] | \['(?P<quoted>[^']+)'\]
    | \[\?\(@(?P<field>[.\w-]+)\s*==\s*["'](?P<value>[^"']*)["']\)\]""",
    re.VERBOSE,
)


def is_path(path: str) -> bool:
    """Whether the whole of it can be read."""
    return path.startswith((".", "[")) and not _STEP.sub("", path)


def find(obj: Any, path: str) -> list[Any]:
    """Everything that the path leads to; nothing where it leads nowhere."""
    found = [obj]
    for step in _STEP.finditer(path):
        found = [inner for value in found for inner in _take(value, step)]
    return found


def first(obj: Any, path: str) -> Any:
    """The first of it, or None."""
    return next(iter(find(obj, path)), None)


def put(obj: dict[str, Any], path: str, value: Any) -> None:
    """Write to a path of plain fields, making those on the way."""
    *way, last = [step["name"] for step in _STEP.finditer(path)]
    for name in way:
        obj = obj.setdefault(name, {})
    obj[last] = value


def _take(value: Any, step: re.Match[str]) -> Iterator[Any]:
    name = step["quoted"] or (step["name"] or "").replace("\\.", ".")
    if name and isinstance(value, dict):
        yield from (value[name],) if name in value else ()
    elif isinstance(value, list):
        yield from _of_list(value, step)


def _of_list(values: list[Any], step: re.Match[str]) -> Iterator[Any]:
    if step["all"]:
        yield from values
    elif step["index"]:
        number = int(step["index"])
        yield from values[number : number + 1 or None]
    elif step["field"]:
        yield from (value for value in values if step["value"] in map(str, find(value, step["field"])))
