"""ResourceQuota's status: what a namespace uses of what it was given. Admission counts for itself and refuses."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cluster.client import Client, NotFound, Obj, WatchEvent
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller, own_key
from cluster.objects import Key, key_of
from cluster.quota import cost, in_scope, show, usage

RESOURCE = "resourcequotas"
IGNORED = frozenset({"events", RESOURCE})


def controller(context: Context) -> Controller:
    counted = [kind.resource for kind in context.kinds if kind.namespaced and kind.resource not in IGNORED]
    return Controller(
        name="quota-usage",
        watches={RESOURCE: own_key} | {resource: _quotas_of(context.client, resource) for resource in counted},
        reconcile=_Reconciler(context.client, counted).reconcile,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    client: Client
    counted: list[str]

    async def reconcile(self, key: Key) -> None:
        try:
            quota = self.client.get(RESOURCE, key.name, key.namespace)
        except NotFound:
            return
        present = ((r, obj) for r in (*self.counted, RESOURCE) for obj in self.client.list(r, key.namespace))
        objects = ((r, obj) for r, obj in present if in_scope(quota["spec"], r, obj))
        hard = quota["spec"].get("hard") or {}
        status = {"hard": hard, "used": show(usage(objects), sorted(hard), hard)}
        if quota.get("status") != status:
            self.client.update(RESOURCE, {**quota, "status": status}, subresource="status")


def _quotas_of(client: Client, resource: str) -> Callable[[WatchEvent], Iterable[Key]]:
    def keys(event: WatchEvent) -> Iterable[Key]:
        if event.type == "MODIFIED" and event.old is not None and _same_cost(resource, event.old, event.object):
            return ()
        return map(key_of, client.list(RESOURCE, event.object["metadata"]["namespace"]))

    return keys


def _same_cost(resource: str, old: Obj, new: Obj) -> bool:
    return cost(resource, old) == cost(resource, new)
