"""Tells in the status of Ingresses where the cluster's ingress serves them (`cluster.network.ingress` does)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cluster.client import Client, NotFound, WatchEvent
from cluster.config import INGRESS_ADDRESS
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller, own_key
from cluster.events import EventRecorder
from cluster.ingress import CLASSES, INGRESSES, class_of, is_ours
from cluster.objects import Key, key_of


def controller(context: Context) -> Controller:
    recorder = context.recorder("nginx-ingress-controller")
    return Controller(
        name="ingress",
        watches={INGRESSES: own_key, CLASSES: _of_class(context.client)},
        reconcile=_Reconciler(context.client, recorder).reconcile,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    client: Client
    recorder: EventRecorder

    async def reconcile(self, key: Key) -> None:
        try:
            ingress = self.client.get(INGRESSES, key.name, key.namespace)
        except NotFound:
            return
        told = ((ingress.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
        ours = [{"ip": INGRESS_ADDRESS}]
        wanted = ours if self._is_served(class_of(ingress)) else []
        if told == wanted or (not wanted and told != ours):
            return
        status = {"status": {"loadBalancer": {"ingress": wanted or None}}}
        self.client.patch(INGRESSES, key.name, key.namespace, status, subresource="status")
        if wanted:
            self.recorder.event(ingress, "Normal", "Sync", "Scheduled for sync")

    def _is_served(self, class_name: str) -> bool:
        try:
            return bool(class_name) and is_ours(self.client.get(CLASSES, class_name))
        except NotFound:
            return False


def _of_class(client: Client) -> Callable[[WatchEvent], Iterable[Key]]:
    def keys(event: WatchEvent) -> Iterable[Key]:
        name = event.object["metadata"]["name"]
        return [key_of(ingress) for ingress in client.list(INGRESSES) if class_of(ingress) == name]

    return keys
