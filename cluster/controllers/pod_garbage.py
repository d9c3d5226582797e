"""Pods that no kubelet will ever end: those of nodes that no longer exist, or that are declared out of service.

Source: the pod garbage collector and KEP-2268 (non-graceful node shutdown).
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from cluster.client import Client, NotFound, Obj, WatchEvent
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller
from cluster.objects import Key, is_going, is_pod_finished, key_of, node_of, with_condition

OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
QUARANTINE_SECONDS = 40.0
"""A node may be deleted only to be registered anew."""

TARGET = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "DeletionByPodGC",
    "message": "PodGC: node no longer exists",
}


def controller(context: Context) -> Controller:
    return Controller(
        name="pod-garbage",
        watches={"nodes": _pods_of_node(context.client), "pods": _going_pod},
        reconcile=_Reconciler(context).reconcile,
    )


@dataclass(slots=True)
class _Reconciler:
    context: Context
    missing_since: dict[Key, float] = field(default_factory=dict)

    async def reconcile(self, key: Key) -> float | None:
        try:
            pod = self.context.client.get("pods", key.name, key.namespace)
        except NotFound:
            self.missing_since.pop(key, None)
            return None
        node = self._node(pod)
        if node is None:
            return self._quarantine(key, pod)
        self.missing_since.pop(key, None)
        if is_going(pod) and _is_out_of_service(node):
            self._delete(pod)
        return None

    def _node(self, pod: Obj) -> Obj | None:
        try:
            return self.context.client.get("nodes", node_of(pod))
        except NotFound:
            return None

    def _quarantine(self, key: Key, pod: Obj) -> float | None:
        now = self.context.clock()
        left = self.missing_since.setdefault(key, now) + QUARANTINE_SECONDS - now
        if left > 0:
            return left
        self.missing_since.pop(key, None)
        self._orphaned(pod, now)
        return None

    def _orphaned(self, pod: Obj, now: float) -> None:
        if not is_pod_finished(pod):
            conditions = with_condition(pod["status"].get("conditions"), TARGET, now)
            status = {**pod["status"], "phase": "Failed", "conditions": conditions}
            self.context.client.update("pods", {**pod, "status": status}, subresource="status")
        self._delete(pod)

    def _delete(self, pod: Obj) -> None:
        key = key_of(pod)
        with suppress(NotFound):
            self.context.client.delete("pods", key.name, key.namespace, uid=pod["metadata"]["uid"], grace_seconds=0)


def _is_out_of_service(node: Obj) -> bool:
    return any(taint["key"] == OUT_OF_SERVICE for taint in node["spec"].get("taints") or ())


def _pods_of_node(client: Client) -> Callable[[WatchEvent], Iterable[Key]]:
    def keys(event: WatchEvent) -> Iterable[Key]:
        if event.type != "DELETED" and not _is_out_of_service(event.object):
            return ()
        name = event.object["metadata"]["name"]
        return map(key_of, client.list("pods", fields=f"spec.nodeName={name}"))

    return keys


def _going_pod(event: WatchEvent) -> Iterable[Key]:
    pod, old = event.object, event.old
    if event.type != "DELETED" and node_of(pod) and is_going(pod) and (old is None or not is_going(old)):
        yield key_of(pod)
