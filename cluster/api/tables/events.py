"""Events. New ones have eventTime and a reporter, old ones first and last times and a source; both are shown alike."""

from cluster.api.tables.duration import since
from cluster.api.tables.table import NAME, Cells, Column, Table, wide
from cluster.api.tables.text import name
from cluster.client import Obj


def cells(event: Obj, now: float) -> Cells:
    involved, series = event.get("involvedObject") or {}, event.get("series") or {}
    first = event.get("firstTimestamp") or event.get("eventTime")
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or first
    return [
        since(last, now),
        event.get("type", ""),
        event.get("reason", ""),
        f"{involved.get('kind', '').lower()}/{involved.get('name', '')}",
        involved.get("fieldPath", ""),
        _source(event),
        event.get("message", "").strip(),
        since(first, now),
        series.get("count") or event.get("count") or 1,
        name(event),
    ]


def _source(event: Obj) -> str:
    source = event.get("source") or {}
    component = source.get("component") or event.get("reportingComponent", "")
    host = source.get("host") or ("" if source.get("component") else event.get("reportingInstance", ""))
    return f"{component}, {host}" if host else str(component)


TABLE = Table(
    (
        Column(name="Last Seen"),
        Column(name="Type"),
        Column(name="Reason"),
        Column(name="Object"),
        wide("Subobject"),
        wide("Source"),
        Column(name="Message"),
        wide("First Seen"),
        wide("Count"),
        Column(name="Name", format="name", description=NAME.description, priority=1),
    ),
    cells,
)
