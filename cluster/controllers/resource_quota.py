"""ResourceQuotas: what of each is used, for people to read. Admission counts for itself and waits for nobody.

Counted as admission counts (`cluster.quota`); the status as recorded in `quota-exceeded`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from cluster.client import Client, NotFound, Obj, WatchEvent
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller, own_key
from cluster.objects import Key, key_of
from cluster.quota import show, usage

RESOURCE = "resourcequotas"
COUNTED = (
    "pods",
    "services",
    "persistentvolumeclaims",
    "configmaps",
    "secrets",
    "replicationcontrollers",
    "deployments.apps",
    "replicasets.apps",
    "statefulsets.apps",
    "daemonsets.apps",
    "jobs.batch",
    "cronjobs.batch",
    "ingresses.networking.k8s.io",
    "horizontalpodautoscalers.autoscaling",
)
SETTLE_SECONDS = 0.05
"""A Deployment that starts is one change, not one for each of its pods."""


def controller(context: Context) -> Controller:
    quotas = _quotas_of(context.client)
    return Controller(
        name="resourcequota",
        watches={RESOURCE: own_key} | dict.fromkeys(COUNTED, quotas),
        reconcile=_Reconciler(context.client).reconcile,
        settle_seconds=SETTLE_SECONDS,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    client: Client

    async def reconcile(self, key: Key) -> None:
        try:
            quota = self.client.get(RESOURCE, key.name, key.namespace)
        except NotFound:
            return
        objects = {resource: self.client.list(resource, key.namespace) for resource in (RESOURCE, *COUNTED)}
        status = new_status(quota, objects)
        if status != quota.get("status"):
            self.client.update(RESOURCE, {**quota, "status": status}, subresource="status")


def new_status(quota: Obj, objects: Mapping[str, Iterable[Obj]]) -> Obj:
    """The status of a quota in a namespace with these objects, by resource. Pure."""
    hard: dict[str, str] = quota["spec"].get("hard") or {}
    used = usage((resource, obj) for resource, found in objects.items() for obj in found)
    return {"hard": hard, "used": show(used, hard, hard)}


def _quotas_of(client: Client) -> Callable[[WatchEvent], Iterable[Key]]:
    def keys(event: WatchEvent) -> Iterable[Key]:
        return (key_of(quota) for quota in client.list(RESOURCE, event.object["metadata"].get("namespace")))

    return keys
