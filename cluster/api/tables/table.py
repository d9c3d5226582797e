"""A Table: named columns, and a function from an object to its cells."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from cluster.api.tables.duration import age
from cluster.client import Obj

Cells = list[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`priority` 1 is shown by `-o wide` only."""

    name: str
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """`cells(obj, now)`: one value a column; `now` in seconds since 1970, for ages."""

    columns: tuple[Column, ...]
    cells: Callable[[Obj, float], Cells]


IncludeObject = Literal["Metadata", "Object", "None"]

NAME = Column(name="Name", format="name", description="Name of the object, unique in its namespace.")
AGE = Column(name="Age", description="Time since the object was created.")
CREATED_AT = Column(name="Created At", type="date", description="When the object was created.")


def wide(name: str, type: str = "string") -> Column:
    return Column(name=name, type=type, priority=1)


def name_and_age(obj: Obj, now: float) -> Cells:
    return [obj["metadata"].get("name", ""), age(obj, now)]


def name_and_creation(obj: Obj, _now: float) -> Cells:
    return [obj["metadata"].get("name", ""), obj["metadata"].get("creationTimestamp")]


NAME_AND_AGE = Table((NAME, AGE), name_and_age)
NAME_AND_CREATED_AT = Table((NAME, CREATED_AT), name_and_creation)


def render(table: Table, objects: Iterable[Obj], now: float, include_object: IncludeObject, list_metadata: Obj) -> Obj:
    """The `kind: Table` answer for some objects."""
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list_metadata,
        "columnDefinitions": [_definition(column) for column in table.columns],
        "rows": [row(table, obj, now, include_object) for obj in objects],
    }


def row(table: Table, obj: Obj, now: float, include_object: IncludeObject) -> Obj:
    cells = {"cells": table.cells(obj, now)}
    match include_object:
        case "None":
            return cells
        case "Object":
            return {**cells, "object": obj}
    return {**cells, "object": _partial(obj)}


def _partial(obj: Obj) -> Obj:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def _definition(column: Column) -> Obj:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description or column.name,
        "priority": column.priority,
    }
