"""Strategic merge patch: a merge patch that knows which lists merge, and by which key.

Directives: `$patch: replace|delete|merge`, `$retainKeys`, `$setElementOrder/<list>`, `$deleteFromPrimitiveList/<list>`.
The order of a merged list is apimachinery's: what the patch names keeps the patch's order, the rest its own, and
where the two cannot be compared the patch goes first.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from cluster.api.decode import WrongType
from cluster.api.go import go_text
from cluster.api.schema import Field, Type, element, is_object, lookup
from cluster.client import ApiError, BadRequest, Obj

_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"
_PATCH = "$patch"
_RETAIN = "$retainKeys"
_DIRECTIVES = frozenset({"replace", "delete", "merge"})


def strategic_merge(target: Obj, patch: Obj, type: Type) -> Obj:
    """What `patch` makes of `target`, an object of `type`. Neither is changed; the result may share parts with both.

    Raises BadRequest for a patch that does not fit the type or its own directives.
    """
    if not isinstance(patch, dict):
        raise BadRequest(f"cannot unmarshal the patch into an object, found {_kind(patch)}")
    return _merge_object(target, patch, type.fields)


def _merge_object(target: Obj, patch: Obj, fields: dict[str, Field]) -> Obj:
    match _directive(patch):
        case "replace":
            return {key: _clean(value) for key, value in patch.items() if key != _PATCH}
        case "delete":
            return {}
    merged = _retain(target, patch)
    for key, value in patch.items():
        if not key.startswith("$"):
            _merge_field(merged, key, value, fields.get(key), patch)
    _reorder(merged, target, patch, fields)
    return merged


def _merge_field(merged: Obj, key: str, value: Any, field: Field | None, patch: Obj) -> None:
    if value is None:
        merged.pop(key, None)
        return
    _check_kind(merged.get(key), value, key, field)
    if isinstance(value, dict):
        whole = field is not None and field.replace
        merged[key] = _clean(value) if whole else _merge_object(merged.get(key) or {}, value, _fields_of(field))
    elif isinstance(value, list) and field is not None and field.merge:
        merged[key] = _merge_list(merged.get(key) or [], value, field, ordered=f"{_ORDER}{key}" not in patch)
    else:
        merged[key] = _clean(value)


def _merge_list(target: list[Any], patch: list[Any], field: Field, *, ordered: bool) -> list[Any]:
    if not field.merge_key:
        merged = list(dict.fromkeys([*target, *patch]))
        return _order(merged, patch, target, _itself) if ordered else merged
    if any(_directive(item) == "replace" for item in patch):
        return [_clean(item) for item in patch if not _directive(item)]
    key = _key_of(field)
    gone = {key(item) for item in patch if _directive(item) == "delete"}
    given = [item for item in patch if _directive(item) != "delete"]
    merged = _merge_items([item for item in target if key(item) not in gone], given, field, key)
    return _order(merged, given, target, key) if ordered else merged


def _merge_items(target: list[Obj], patch: list[Obj], field: Field, key: Callable[[Any], Hashable]) -> list[Obj]:
    fields = _fields_of(field)
    merged = list(target)
    for item in patch:
        wanted = key(item)
        at = next((i for i, old in enumerate(merged) if key(old) == wanted), len(merged))
        merged[at : at + 1] = [_merge_object(merged[at] if at < len(merged) else {}, item, fields)]
    return merged


def _reorder(merged: Obj, target: Obj, patch: Obj, fields: dict[str, Field]) -> None:
    """Carry out the directives that are about lists of primitive words, and about order."""
    for directive, words in patch.items():
        if directive.startswith(_DELETE):
            name = directive.removeprefix(_DELETE)
            gone = words if isinstance(words, list) else [words]
            merged[name] = [word for word in merged.get(name) or [] if word not in gone]
        elif directive.startswith(_ORDER):
            name = directive.removeprefix(_ORDER)
            field = fields.get(name)
            key = _key_of(field) if field and field.merge_key else _itself
            _check_order(patch.get(name), words, key)
            if name in merged:
                merged[name] = _order(merged[name], _list(words, directive), target.get(name) or [], key)


def _check_order(given: Any, order: Any, key: Callable[[Any], Hashable]) -> None:
    """What a patch names in a list must come in the order that it gives for that list."""
    named = [item for item in given if _directive(item) != "delete"] if isinstance(given, list) else []
    places = {key(item): i for i, item in enumerate(_list(order, _ORDER))}
    found = [places.get(key(item)) for item in named]
    if None in found or found != sorted(found, key=lambda place: place or 0):
        raise ApiError(
            f"The order in patch list:\n{go_text(named)}\n doesn't match $setElementOrder list:\n{go_text(order)}\n",
            reason="",
        )


def _order(
    merged: Sequence[Any], wanted: Sequence[Any], server: Sequence[Any], key: Callable[[Any], Hashable]
) -> list[Any]:
    patch_at = {key(item): i for i, item in reversed(list(enumerate(wanted)))}
    server_at = {key(item): i for i, item in reversed(list(enumerate(server)))}
    named = sorted((item for item in merged if key(item) in patch_at), key=lambda item: patch_at[key(item)])
    others = sorted(
        (item for item in merged if key(item) not in patch_at),
        key=lambda item: server_at.get(key(item), len(server_at)),
    )
    ordered: list[Any] = []
    while named and others:
        left, right = server_at.get(key(others[0])), server_at.get(key(named[0]))
        comes_first = left is not None and right is not None and left < right
        ordered.append(others.pop(0) if comes_first else named.pop(0))
    return ordered + named + others


def _retain(target: Obj, patch: Obj) -> Obj:
    if _RETAIN not in patch:
        return dict(target)
    kept = _list(patch[_RETAIN], _RETAIN)
    for key, value in patch.items():
        if not key.startswith("$") and value is not None and key not in kept:
            raise BadRequest("invalid patch format of retainKeys")
    return {key: value for key, value in target.items() if key in kept}


def _clean(value: Any) -> Any:
    """A value that is new on the server: without nulls and directives."""
    if isinstance(value, dict):
        return {k: _clean(v) for k, v in value.items() if v is not None and not k.startswith("$")}
    if isinstance(value, list):
        return [_clean(item) for item in value if _directive(item) != "delete"]
    return value


def _directive(item: Any) -> str:
    if not isinstance(item, dict) or _PATCH not in item:
        return ""
    if not isinstance(item[_PATCH], str) or item[_PATCH] not in _DIRECTIVES:
        raise ApiError(f"unknown patch type: {go_text(item[_PATCH])} in map: {go_text(item)}", reason="")
    return str(item[_PATCH])


def _key_of(field: Field) -> Callable[[Any], Hashable]:
    def key(item: Any) -> Hashable:
        if not isinstance(item, dict) or not isinstance(item.get(field.merge_key), Hashable):
            raise BadRequest(f"each item of {field.name} must be an object with the merge key {field.merge_key!r}")
        if field.merge_key not in item:
            raise ApiError(f"map: {go_text(item)} does not contain declared merge key: {field.merge_key}", reason="")
        value: Hashable = item[field.merge_key]
        return value

    return key


def _itself(item: Any) -> Hashable:
    if not isinstance(item, Hashable):
        raise BadRequest(f"{item!r} cannot be an item of a list of plain values")
    return item


def _fields_of(field: Field | None) -> dict[str, Field]:
    if field is None:
        return {}
    type = element(field.type) if field.type[0] == "[" else field.type
    return lookup(type).fields if is_object(type) else {}


def _check_kind(old: Any, new: Any, key: str, field: Field | None) -> None:
    for kind in (dict, list):
        if old is not None and isinstance(old, kind) != isinstance(new, kind):
            why = f"unable to merge {_kind(new)} into {_kind(old)} at {key!r}"
            raise WrongType(f"{why} of type {field.type if field else 'object'}")


def _list(value: Any, directive: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadRequest(f"{directive} must be a list")
    return value


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else "a plain value"
