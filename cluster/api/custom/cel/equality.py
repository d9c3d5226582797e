"""When two values are the same: numbers of any kind by what they count, sets and keyed lists in any order."""

from typing import Any

from cluster.api.custom.cel.values import KeyedList, Optional, Record, SetList, identity


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, Record):
        return isinstance(other, Record) and _records(one, other)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and _lists(one, other)
    if isinstance(one, dict):
        return isinstance(other, dict) and _maps(one, other)
    if isinstance(one, Optional):
        return isinstance(other, Optional) and one.is_there == other.is_there and equal(one.value, other.value)
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def contains(items: list[Any], wanted: Any) -> bool:
    return any(equal(item, wanted) for item in items)


def _records(one: Record, other: Record) -> bool:
    # What the schema does not know is compared as it is.
    known = {field.name for field in one.shape.fields.values()}
    unknown = [name for name in one.raw if name not in known and name in other.raw]
    if len(one) != len(other) or any(one.raw[name] != other.raw[name] for name in unknown):
        return False
    return all(
        (key in one) == (key in other) and (key not in one or equal(one[key], other[key])) for key in one.shape.fields
    )


def _lists(one: list[Any], other: list[Any]) -> bool:
    if isinstance(one, SetList):
        return all(identity(item) in one.members for item in other)
    if isinstance(one, KeyedList):
        return all(_has_equal(one, item) for item in other)
    return all(map(equal, one, other))


def _has_equal(items: KeyedList, item: Any) -> bool:
    key = items.key_of(item)
    return key in items.by_key and equal(items.by_key[key], item)


def _maps(one: dict[Any, Any], other: dict[Any, Any]) -> bool:
    return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
