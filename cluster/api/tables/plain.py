"""Kinds whose cells are plain fields."""

from cluster.api.tables.duration import age
from cluster.api.tables.table import AGE, NAME, Cells, Column, Table
from cluster.api.tables.text import name
from cluster.client import Obj


def namespace(obj: Obj, now: float) -> Cells:
    return [name(obj), obj.get("status", {}).get("phase", ""), age(obj, now)]


def config_map(obj: Obj, now: float) -> Cells:
    return [name(obj), len(obj.get("data") or ()) + len(obj.get("binaryData") or ()), age(obj, now)]


def secret(obj: Obj, now: float) -> Cells:
    return [name(obj), obj.get("type", ""), len(obj.get("data") or ()), age(obj, now)]


def lease(obj: Obj, now: float) -> Cells:
    return [name(obj), obj.get("spec", {}).get("holderIdentity", ""), age(obj, now)]


def priority_class(obj: Obj, now: float) -> Cells:
    return [
        name(obj),
        obj.get("value", 0),
        bool(obj.get("globalDefault")),
        age(obj, now),
        obj.get("preemptionPolicy", ""),
    ]


def component(obj: Obj, _now: float) -> Cells:
    said: Obj = next((c for c in obj.get("conditions") or () if c["type"] == "Healthy"), {})
    status = {"True": "Healthy", "False": "Unhealthy"}.get(said.get("status", ""), "Unknown")
    return [name(obj), status, said.get("message", ""), said.get("error", "")]


NAMESPACES = Table((NAME, Column(name="Status"), AGE), namespace)
CONFIG_MAPS = Table((NAME, Column(name="Data"), AGE), config_map)
SECRETS = Table((NAME, Column(name="Type"), Column(name="Data"), AGE), secret)
COMPONENTS = Table((NAME, Column(name="Status"), Column(name="Message"), Column(name="Error")), component)
LEASES = Table((NAME, Column(name="Holder"), AGE), lease)
PRIORITY_CLASSES = Table(
    (
        NAME,
        Column(name="Value", type="integer"),
        Column(name="Global-Default", type="boolean"),
        AGE,
        Column(name="PreemptionPolicy"),
    ),
    priority_class,
)
