"""Claims are not deleted from under running pods, nor volumes from under their claims: their finalizers wait.

Source: the page "Persistent Volumes", Storage Object in Use Protection.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cluster.client import Client, NotFound, Obj, WatchEvent
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller
from cluster.objects import Key, is_going, is_pod_finished, key_of, node_of
from cluster.volumes import CLAIMS, VOLUMES, claim_names

FINALIZERS = {CLAIMS: "kubernetes.io/pvc-protection", VOLUMES: "kubernetes.io/pv-protection"}


def controller(context: Context) -> Controller:
    return Controller(
        name="storage-protection",
        watches={CLAIMS: _going, VOLUMES: _going, "pods": _claims_let_go},
        reconcile=_Reconciler(context.client).reconcile,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    client: Client

    async def reconcile(self, key: Key) -> None:
        """Keys with a namespace are claims, those without are volumes."""
        resource = CLAIMS if key.namespace else VOLUMES
        try:
            obj = self.client.get(resource, key.name, key.namespace)
        except NotFound:
            return
        finalizers = obj["metadata"].get("finalizers") or []
        if is_going(obj) and FINALIZERS[resource] in finalizers and not self._is_used(resource, obj):
            kept = [name for name in finalizers if name != FINALIZERS[resource]]
            self.client.patch(resource, key.name, key.namespace, {"metadata": {"finalizers": kept or None}})

    def _is_used(self, resource: str, obj: Obj) -> bool:
        if resource == VOLUMES:
            return bool((obj.get("status") or {}).get("phase") == "Bound")
        key = key_of(obj)
        return any(uses(pod, key.name) for pod in self.client.list("pods", key.namespace))


def uses(pod: Obj, claim: str) -> bool:
    """Whether a pod of the claim's namespace has it mounted, or is about to. Pure."""
    return bool(node_of(pod)) and not is_pod_finished(pod) and claim in claim_names(pod)


def _going(event: WatchEvent) -> Iterable[Key]:
    return (key_of(event.object),) if is_going(event.object) and event.type != "DELETED" else ()


def _claims_let_go(event: WatchEvent) -> Iterable[Key]:
    pod = event.object
    if event.type != "DELETED" and not is_pod_finished(pod):
        return ()
    return [Key(pod["metadata"]["namespace"], name) for name in claim_names(pod)]
