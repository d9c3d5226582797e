"""Events: one store, seen through the core API and through events.k8s.io."""

from collections.abc import Iterator
from typing import Any

from cluster.api.field_errors import FieldError, invalid, required
from cluster.api.metadata import qualified_name
from cluster.api.resource import Resource, View
from cluster.api.resources.checks import check_name
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
    return _check(event, "reportingComponent")


def _check(event: Obj, controller: str) -> Iterator[FieldError]:
    """`controller`: what the version calls who reports."""
    namespace, own = event["involvedObject"].get("namespace", ""), event["metadata"].get("namespace")
    if event.get("eventTime") is not None:
        homes = (own,) if namespace else ("default", "kube-system")
        yield from () if own in homes else _elsewhere(namespace)
        yield from _check_new(event, controller)
    elif (namespace or "default") != own:
        # Events about objects without a namespace live in "default".
        yield from _elsewhere(namespace)


def _elsewhere(namespace: str) -> Iterator[FieldError]:
    yield invalid("involvedObject.namespace", namespace, "does not match event.namespace")


def _check_new(event: Obj, controller: str) -> Iterator[FieldError]:
    """What is asked of events in the newer way: of those that have an eventTime."""
    reporter = event.get("reportingComponent", "")
    if not reporter:
        yield required(controller)
    yield from check_name(reporter, controller, qualified_name)
    for name, most in (("reportingInstance", 128), ("action", 128), ("reason", 128), ("message", 1024)):
        text = event.get(name, "")
        if not text and name != "message":
            yield required(name)
        if len(text.encode()) > most:
            yield invalid(name, "", f"can have at most {most} characters")


def rules_events_v1(event: Obj, old: Obj | None) -> Iterator[FieldError]:
    """What the newer API asks for beside that, of new events."""
    yield from _check(event, "reportingController")
    if old is None:
        yield from _check_series(event.get("series"))
        if event.get("eventTime") is None:
            yield required("eventTime")
        if event.get("type") not in ("Normal", "Warning"):
            yield invalid("type", "", f"has invalid value: {event.get('type', '')}")
        for name in ("firstTimestamp", "lastTimestamp", "count", "source"):
            if event.get(name):
                yield invalid(name, "", "needs to be unset")


def _check_series(series: Obj | None) -> Iterator[FieldError]:
    if series is not None and series.get("count", 0) < 2:
        yield invalid("series.count", "", "should be at least 2")
    if series is not None and series.get("lastObservedTime") is None:
        yield required("series.lastObservedTime")


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
