"""Which old value goes with which new one, and whether anything changed between them."""

from dataclasses import dataclass
from typing import Any

from cluster.api.custom.schema import LIST_KEYS, LIST_TYPE, Schema, sub_schema

_SCALARS = (bool, int, float, str)


@dataclass(frozen=True, slots=True)
class Kin:
    """A value, the one that it replaces, and their schema."""

    schema: Schema
    value: Any
    old: Any


@dataclass(frozen=True, slots=True)
class Lineage:
    """`own` is None where no old value goes with this one; `nearest` is the closest around it that has one."""

    own: Kin | None = None
    nearest: Kin | None = None

    @property
    def is_unchanged(self) -> bool:
        kin = self.own or self.nearest
        return kin is not None and unchanged(kin)

    def field(self, name: str) -> "Lineage":
        if self.own is None:
            return self
        # Of the whole object these say which version it is seen in.
        if self.nearest is None and name in ("apiVersion", "kind"):
            return Lineage()
        return Lineage(_field(self.own, name), self.own)

    def item(self, place: int) -> "Lineage":
        if self.own is None:
            return self
        return Lineage(_item(self.own, place), self.own)


def unchanged(kin: Kin) -> bool:
    value, old = kin.value, kin.old
    if type(value) is not type(old):
        return False
    if isinstance(value, dict):
        return len(value) == len(old) and all(_is_same(_field(kin, name)) for name in value)
    if isinstance(value, list) and kin.schema.get(LIST_TYPE) == "map":
        return len(value) == len(old) and all(_is_same(_item(kin, place)) for place in range(len(value)))
    return bool(value == old)


def _is_same(kin: Kin | None) -> bool:
    return kin is not None and unchanged(kin)


def _field(kin: Kin, name: str) -> Kin | None:
    if not isinstance(kin.value, dict) or not isinstance(kin.old, dict):
        return None
    schema = sub_schema(kin.schema, name)
    if schema is None or name not in kin.value or name not in kin.old:
        return None
    return Kin(schema, kin.value[name], kin.old[name])


def _item(kin: Kin, place: int) -> Kin | None:
    items = kin.value if isinstance(kin.value, list) else []
    old = old_item(kin.schema, items[place], kin.old) if place < len(items) else None
    return None if old is None else Kin(kin.schema.get("items") or {}, items[place], old)


def old_item(schema: Schema, item: Any, old: Any) -> Any:
    """That of the old list with the same keys; None where the list does not go by keys."""
    keys = schema.get(LIST_KEYS) or ()
    if schema.get(LIST_TYPE) != "map" or not keys or not isinstance(old, list):
        return None
    wanted = _key(item, keys)
    return None if wanted is None else next((other for other in old if _key(other, keys) == wanted), None)


def _key(item: Any, keys: list[str]) -> tuple[Any, ...] | None:
    if not isinstance(item, dict) or not all(isinstance(item.get(key), _SCALARS) for key in keys):
        return None
    return tuple((type(item[key]), item[key]) for key in keys)
