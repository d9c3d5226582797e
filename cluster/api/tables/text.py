"""Small words and lists as cells show them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cluster.client import Obj

NONE = "<none>"
UNSET = "<unset>"
SHOWN = 3


def name(obj: Obj) -> str:
    return str(obj["metadata"].get("name", ""))


def or_none(value: Any) -> str:
    return str(value) if value else NONE


def labels_text(labels: Mapping[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def few(items: Sequence[str], otherwise: str, most: int = SHOWN) -> str:
    """The first items, and how many more there are."""
    if not items:
        return otherwise
    shown = ",".join(items[:most])
    return f"{shown} + {len(items) - most} more..." if len(items) > most else shown


def containers_and_images(template: Obj) -> list[str]:
    containers = template.get("spec", {}).get("containers") or []
    return [_join(containers, "name"), _join(containers, "image")]


def _join(objects: Iterable[Obj], key: str) -> str:
    return ",".join(str(obj.get(key, "")) for obj in objects)
