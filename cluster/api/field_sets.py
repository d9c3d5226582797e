"""Sets of fields, as managedFields keeps them (fieldsV1) and as server-side apply computes with them.

A path is a tuple of steps in fieldsV1's spelling: "f:spec", `k:{"name":"app"}` for an item of a list that merges by
keys, `v:"x"` for a value of a set. A path that is in the set is owned itself; its parents are not, unless they are
in the set too.
"""

import json
from collections.abc import Iterator
from typing import Any

from cluster.api.schema import Field, Type, element, is_object, lookup
from cluster.client import Obj

Path = tuple[str, ...]
FieldSet = frozenset[Path]

# Stand for the value of what only holds other fields, and of an item, which is there or not.
_PARENT, _ITEM = "a parent", "an item"
# Objects within objects that Go has no way to leave out, so that nobody adds them.
_IN_ANY = frozenset(
    f"f:{name}"
    for name in (
        *("metadata", "spec", "status", "template", "jobTemplate", "strategy", "updateStrategy", "containers"),
        *("resources", "scaleTargetRef", "podSelector", "roleRef", "involvedObject", "regarding", "source", "names"),
        *("loadBalancer", "nodeInfo", "daemonEndpoints", "kubeletEndpoint"),
    )
)
_IN_ANY_CUSTOM = frozenset({"f:metadata"})
_SPEC = Field(name="spec", number=0, type="any")

# A key field may be left out where it has a default; then it counts as that.
_KEY_DEFAULTS = {"protocol": "TCP"}


def fields_of(obj: Obj, type: Type) -> FieldSet:
    """Every field that `obj` sets, down to scalars and atoms."""
    return frozenset(path for path, value in _of_object(obj, type, ()) if value is not _PARENT)


def walk(obj: Obj, type: Type) -> dict[Path, Any]:
    """The same fields with their values, and what they are in where that is not in every object of the kind."""
    there = _IN_ANY_CUSTOM if type.fields.get("spec", _SPEC).type == "tree" else _IN_ANY
    return {p: value for p, value in _of_object(obj, type, ()) if value is not _PARENT or not there.issuperset(p)}


def encode(fields: FieldSet) -> Obj:
    """As fieldsV1."""
    tree: Obj = {}
    for path in sorted(fields):
        node = tree
        for step in path:
            node = node.setdefault(step, {})
        node["."] = {}
    return _prune(tree)


def decode(tree: Obj) -> FieldSet:
    """From fieldsV1."""
    return frozenset(_leaves(tree, ()))


def show(path: Path) -> str:
    """`.spec.containers[name="app"].image`"""
    return "".join(_show_step(step) for step in path)


def item_step(item: Any, field: Field) -> str:
    """The step that leads to an item of a list with keys, or to a value of a set."""
    if not field.keys:
        return f"v:{_json(item)}"
    keys = {key: item.get(key, _KEY_DEFAULTS.get(key)) for key in field.keys}
    return f"k:{_json({k: v for k, v in sorted(keys.items()) if v is not None})}"


def is_associative(field: Field) -> bool:
    """Whether items of this list are owned one by one."""
    return field.type[0] == "[" and (bool(field.keys) or field.set)


def is_granular(field: Field) -> bool:
    """Whether an object or map in this field is owned key by key."""
    if field.atomic or field.type[0] == "[":
        return False
    if is_map(field):
        return True
    return is_object(field.type) and not lookup(field.type).atomic


def is_map(field: Field) -> bool:
    """Whether the keys of what is in this field are the user's."""
    return field.type[0] == "{" or field.type == "tree"


def fields_inside(field: Field) -> dict[str, Field] | None:
    """The known fields of what is inside; None for a map, whose keys are the user's."""
    type = element(field.type) if field.type[0] == "[" else field.type
    return lookup(type).fields if is_object(type) else None


def map_value(field: Field, name: str) -> Field:
    """A value of a map, seen as a field."""
    return Field(name=name, number=0, type="tree" if field.type == "tree" else element(field.type))


def _of_object(obj: Obj, type: Type, path: Path) -> Iterator[tuple[Path, Any]]:
    for name, value in obj.items():
        if (field := type.fields.get(name)) is not None and value is not None:
            yield from _of_field(value, field, (*path, f"f:{name}"))


def _of_field(value: Any, field: Field, path: Path) -> Iterator[tuple[Path, Any]]:
    if is_associative(field) and value:
        yield path, _PARENT
        for item in value:
            yield from _of_item(item, field, (*path, item_step(item, field)))
    elif is_granular(field) and isinstance(value, dict) and value:
        yield path, _PARENT
        if is_map(field):
            for name, inner in value.items():
                yield from _of_field(inner, map_value(field, name), (*path, f"f:{name}"))
        else:
            yield from _of_object(value, lookup(field.type), path)
    else:
        yield path, value


def _of_item(item: Any, field: Field, path: Path) -> Iterator[tuple[Path, Any]]:
    yield path, _ITEM
    if field.keys and is_object(element(field.type)):
        yield from _of_object(item, lookup(element(field.type)), path)


def _prune(tree: Obj) -> Obj:
    """A leaf is written as {}, only a path that is owned and has children carries the dot."""
    return {step: {} if set(node) == {"."} else _prune(node) for step, node in tree.items() if step != "."} | (
        {".": {}} if "." in tree else {}
    )


def _leaves(tree: Obj, path: Path) -> Iterator[Path]:
    if (not tree and path) or "." in tree:
        yield path
    for step, inner in tree.items():
        if step != ".":
            yield from _leaves(inner, (*path, step))


def _show_step(step: str) -> str:
    kind, _, text = step.partition(":")
    if kind == "f":
        return f".{text}"
    if kind == "v":
        return f"[={text}]"
    return "[" + ",".join(f"{key}={_json(value)}" for key, value in json.loads(text).items()) + "]"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
