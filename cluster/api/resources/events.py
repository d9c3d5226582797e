"""Events: one store, seen through the core API and through events.k8s.io."""

from collections.abc import Iterator
from typing import Any

from cluster.api.field_errors import FieldError, invalid, required
from cluster.api.resource import Resource, View
from cluster.api.tables.events import TABLE
from cluster.client import Obj

# core name -> events.k8s.io name, where they differ.
_RENAMED = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_BACK = {new: old for old, new in _RENAMED.items()}
_REFERENCE = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")


def fill(event: Obj) -> None:
    event.setdefault("involvedObject", {})
    event.setdefault("source", {})
    for name in ("firstTimestamp", "lastTimestamp", "eventTime"):
        event.setdefault(name, None)
    event.setdefault("reportingComponent", "")
    event.setdefault("reportingInstance", "")


def rules(event: Obj, _old: Obj | None) -> Iterator[FieldError]:
    namespace = event["involvedObject"].get("namespace", "")
    # Events about objects without a namespace live in "default".
    if (namespace or "default") != event["metadata"].get("namespace"):
        yield invalid("involvedObject.namespace", namespace, "does not match event.namespace")


def rules_events_v1(event: Obj, old: Obj | None) -> Iterator[FieldError]:
    """What the newer API asks for beside that, of new events."""
    yield from rules(event, old)
    if old is None and event.get("eventTime") is None:
        yield required("eventTime")
    if event.get("type") not in ("Normal", "Warning"):
        yield invalid("type", event.get("type", ""), f"has invalid value: {event.get('type', '')}")


def selectable(event: Obj) -> dict[str, str]:
    involved, source = event.get("involvedObject", {}), event.get("source") or {}
    return {
        **{f"involvedObject.{name}": involved.get(name, "") for name in _REFERENCE},
        "reason": event.get("reason", ""),
        "reportingComponent": event.get("reportingComponent", ""),
        "source": source.get("component") or event.get("reportingComponent", ""),
        "type": event.get("type", ""),
    }


def to_events_v1(event: Obj) -> Obj:
    """A stored (core) Event as events.k8s.io/v1 shows it."""
    return {**_rename(event, _RENAMED), "apiVersion": "events.k8s.io/v1"}


def from_events_v1(event: Obj) -> Obj:
    """The stored (core) form of an events.k8s.io/v1 Event."""
    return {**_rename(event, _BACK), "apiVersion": "v1"}


def selectable_events_v1(event: Obj) -> dict[str, str]:
    regarding = event.get("regarding", {})
    return {
        **{f"regarding.{name}": regarding.get(name, "") for name in _REFERENCE},
        "reason": event.get("reason", ""),
        "reportingController": event.get("reportingController", ""),
        "type": event.get("type", ""),
    }


def _rename(event: Obj, names: dict[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in event.items()}


def cells_events_v1(event: Obj, now: float) -> list[Any]:
    return TABLE.cells(from_events_v1(event), now)


RESOURCE = Resource(
    plural="events",
    kind="Event",
    short_names=("ev",),
    table=TABLE,
    fill=fill,
    rules=rules,
    fields=selectable,
)
EVENTS_V1 = Resource(
    group="events.k8s.io",
    plural="events",
    kind="Event",
    short_names=("ev",),
    table=type(TABLE)(TABLE.columns, cells_events_v1),
    fields=selectable_events_v1,
    view=View("events", to_events_v1, from_events_v1),
    rules=rules_events_v1,
)
