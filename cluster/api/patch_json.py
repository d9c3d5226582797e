"""JSON patch (RFC 6902)."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from cluster.api.go import go_kind
from cluster.client import BadRequest, Invalid

_GO_OPERATION = "handlers.jsonPatchOp"
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
    if not isinstance(operation, dict):
        kind = go_kind(operation)
        raise BadRequest(f"error decoding patch: json: cannot unmarshal {kind} into Go value of type {_GO_OPERATION}")
    if not isinstance(operation.get("path"), str):
        raise _rejected()
    name, path = operation.get("op"), operation["path"]
    if not isinstance(name, str) or name not in _OPERATIONS:
        raise _rejected()
    return _OPERATIONS[name](document, _tokens(path), operation)


def _add(document: Any, path: list[str], operation: dict[str, Any]) -> Any:
    return _put(document, path, deepcopy(operation.get("value")))


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
        return deepcopy(operation.get("value"))
    parent = _walk(document, path[:-1])
    key = _index(parent, path[-1]) if isinstance(parent, list) else path[-1]
    parent[key] = deepcopy(operation.get("value"))
    return document


def _move(document: Any, path: list[str], operation: dict[str, Any]) -> Any:
    source = _from(operation)
    if path[: len(source)] == source and path != source:
        raise _rejected()
    value = _walk(document, source)
    return _put(_remove(document, source, operation), path, value)


def _copy(document: Any, path: list[str], operation: dict[str, Any]) -> Any:
    source = _from(operation)
    return _put(document, path, deepcopy(_found(document, source)))


def _test(document: Any, path: list[str], operation: dict[str, Any]) -> Any:
    if not _same(_found(document, path), operation.get("value")):
        raise _rejected()
    return document


def _found(document: Any, path: list[str]) -> Any:
    """What is there; null, where the last step leads nowhere."""
    parent = _walk(document, path[:-1]) if path else None
    return parent.get(path[-1]) if isinstance(parent, dict) else _walk(document, path)


_OPERATIONS: dict[str, Callable[[Any, list[str], dict[str, Any]], Any]] = {
    "add": _add,
    "copy": _copy,
    "move": _move,
    "remove": _remove,
    "replace": _replace,
    "test": _test,
}


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
    # Kubernetes counts from the end, too. RFC 6901 allows digits without leading zeros only.
    if text.startswith("-") and text[1:].isdigit() and len(text) <= 9 and 0 < int(text[1:]) <= len(items):
        return len(items) - int(text[1:]) + end
    if not (text.isascii() and text.isdigit()) or (text != "0" and text.startswith("0")) or len(text) > 9:
        raise _rejected()
    index = int(text)
    if index > len(items) - (not end):
        raise _rejected()
    return index


def _tokens(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise _rejected()
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def _from(operation: dict[str, Any]) -> list[str]:
    if not isinstance(operation.get("from"), str):
        raise _rejected()
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
