"""Events are forgotten an hour after they were last told (kube-apiserver: event-ttl)."""

from contextlib import suppress
from dataclasses import dataclass

from cluster.client import NotFound, Obj
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller, own_key
from cluster.objects import Key
from cluster.timestamps import parse_time

KEPT_SECONDS = 3600.0
SETTLE_SECONDS = 60.0
"""An event that is told again and again needs no look each time."""


def controller(context: Context) -> Controller:
    return Controller(
        name="event-expiry",
        watches={"events": own_key},
        reconcile=_Reconciler(context).reconcile,
        settle_seconds=SETTLE_SECONDS,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context

    async def reconcile(self, key: Key) -> float | None:
        client = self.context.client
        with suppress(NotFound):
            event = client.get("events", key.name, key.namespace)
            left = last_told(event) + KEPT_SECONDS - self.context.clock()
            if left > 0:
                return left
            client.delete("events", key.name, key.namespace)
        return None


def last_told(event: Obj) -> float:
    """Seconds since 1970. Pure."""
    series = event.get("series") or {}
    moment = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return parse_time(moment or event["metadata"]["creationTimestamp"])
