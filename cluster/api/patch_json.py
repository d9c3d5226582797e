"""JSON patch (RFC 6902)."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from cluster.api.decode import go_kind
from cluster.client import BadRequest, Invalid

OPERATIONS_MAX = 10_000


def json_patch(target: Any, operations: Any) -> Any:
    """What the operations make of `target`, which is not changed.

    Raises BadRequest for a malformed patch, Invalid (422) for one that does not apply to this target.
    """
    if not isinstance(operations, list):
        kind = go_kind(operations)
        raise BadRequest(
            f"error decoding patch: json: cannot unmarshal {kind} into Go value of type []handlers.jsonPatchOp"
        )
    if len(operations) > OPERATIONS_MAX:
        raise BadRequest(f"The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {len(operations)}")
    result = deepcopy(target)
    for operation in operations:
        result = _apply(result, operation)
    return result


def _apply(document: Any, operation: Any) -> Any:
    if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
        raise BadRequest("each JSON patch operation is an object with `op` and `path`")
    name, path = operation.get("op"), operation["path"]
    if not isinstance(name, str) or name not in _OPERATIONS:
        raise _rejected()
    for needed in _NEEDS.get(name, ()):
        if needed not in operation:
            raise BadRequest(f"JSON patch operation {name!r} at {path!r} needs `{needed}`")
    return _OPERATIONS[name](document, _tokens(path), operation)


def _add(document: Any, path: list[str], operation: dict[str, Any]) -> Any:
    return _put(document, path, deepcopy(operation["value"]))


def _remove(document: Any, path: list[str], _operation: dict[str, Any]) -> Any:
    if not path:
        return None
    parent = _walk(document, path[:-1])
    if isinstance(parent, list):
        del parent[_index(parent, path[-1])]
    elif isinstance(parent, dict) and path[-1] in parent:
        del parent[path[-1]]
    else:
        raise _rejected()
    return document


def _replace(document: Any, path: list[str], operation: dict[str, Any]) -> Any:
    _walk(document, path)
    if not path:
        return deepcopy(operation["value"])
    parent = _walk(document, path[:-1])
    key = _index(parent, path[-1]) if isinstance(parent, list) else path[-1]
    parent[key] = deepcopy(operation["value"])
    return document


def _move(document: Any, path: list[str], operation: dict[str, Any]) -> Any:
    source = _from(operation)
    if path[: len(source)] == source and path != source:
        raise _rejected()
    value = _walk(document, source)
    return _put(_remove(document, source, operation), path, value)


def _copy(document: Any, path: list[str], operation: dict[str, Any]) -> Any:
    source = _from(operation)
    return _put(document, path, deepcopy(_walk(document, source)))


def _test(document: Any, path: list[str], operation: dict[str, Any]) -> Any:
    if not _same(_walk(document, path), operation["value"]):
        raise _rejected()
    return document


_OPERATIONS: dict[str, Callable[[Any, list[str], dict[str, Any]], Any]] = {
    "add": _add,
    "copy": _copy,
    "move": _move,
    "remove": _remove,
    "replace": _replace,
    "test": _test,
}
_NEEDS = {"add": ("value",), "replace": ("value",), "test": ("value",), "move": ("from",), "copy": ("from",)}


def _put(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _walk(document, path[:-1])
    if isinstance(parent, list):
        parent.insert(len(parent) if path[-1] == "-" else _index(parent, path[-1], end=True), value)
    elif isinstance(parent, dict):
        parent[path[-1]] = value
    else:
        raise _rejected()
    return document


def _walk(document: Any, path: list[str]) -> Any:
    for token in path:
        if isinstance(document, list):
            document = document[_index(document, token)]
        elif isinstance(document, dict) and token in document:
            document = document[token]
        else:
            raise _rejected()
    return document


def _index(items: list[Any], text: str, *, end: bool = False) -> int:
    # RFC 6901 allows digits without leading zeros only.
    if not (text.isascii() and text.isdigit()) or (text != "0" and text.startswith("0")) or len(text) > 9:
        raise _rejected()
    index = int(text)
    if index > len(items) - (not end):
        raise _rejected()
    return index


def _tokens(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise BadRequest(f"JSON pointer {pointer!r} must be empty or begin with /")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def _from(operation: dict[str, Any]) -> list[str]:
    if not isinstance(operation["from"], str):
        raise BadRequest("`from` of a JSON patch operation must be a string")
    return _tokens(operation["from"])


def _same(a: Any, b: Any) -> bool:
    """JSON equality: 1 is not true, but 1 is 1.0."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(a == b)


def _rejected() -> Invalid:
    """Kubernetes does not say which operation, nor why."""
    return Invalid("the server rejected our request due to an error in our request")
