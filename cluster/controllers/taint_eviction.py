"""Taint eviction: pods leave a node with a NoExecute taint when their tolerations allow no longer stay.

Each pod's time counts from the taint's timeAdded. Event, condition and order as recorded in `node-crash`.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from cluster.client import Client, NotFound, Obj, WatchEvent
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller
from cluster.events import EventRecorder
from cluster.objects import Key, is_going, key_of, node_of, with_condition
from cluster.taints import taints_of, tolerated_seconds
from cluster.timestamps import parse_time

TARGET = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "DeletionByTaintManager",
    "message": "Taint manager: deleting due to NoExecute taint",
}


def controller(context: Context) -> Controller:
    return Controller(
        name="taint-eviction",
        watches={"nodes": _pods_of_tainted(context.client), "pods": _bound_pod},
        reconcile=_Reconciler(context, context.recorder("taint-eviction-controller")).reconcile,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context
    recorder: EventRecorder

    async def reconcile(self, key: Key) -> float | None:
        client, now = self.context.client, self.context.clock()
        try:
            pod = client.get("pods", key.name, key.namespace)
            node = client.get("nodes", node_of(pod))
        except NotFound:
            return None
        leaves = leaves_at(pod, node)
        if leaves is None or is_going(pod):
            return None
        if leaves > now:
            return leaves - now
        self._evict(pod, now)
        return None

    def _evict(self, pod: Obj, now: float) -> None:
        key, client = key_of(pod), self.context.client
        # The recorded event names the pod without its uid.
        named = {**pod, "metadata": {"namespace": key.namespace, "name": key.name}}
        self.recorder.event(
            named, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {key.namespace}/{key.name}"
        )
        conditions = with_condition((pod.get("status") or {}).get("conditions"), TARGET, now)
        with suppress(NotFound):
            client.update("pods", {**pod, "status": {**pod["status"], "conditions": conditions}}, subresource="status")
            client.delete("pods", key.name, key.namespace, uid=pod["metadata"]["uid"])


def leaves_at(pod: Obj, node: Obj) -> float | None:
    """When the pod has to leave the node, in seconds since 1970; None if it may stay. Pure."""
    taints = taints_of(node, "NoExecute")
    seconds = tolerated_seconds(pod, taints) if taints else None
    if seconds is None:
        return None
    added = [parse_time(t["timeAdded"]) for t in taints if t.get("timeAdded")]
    return max(added, default=0.0) + seconds


def _pods_of_tainted(client: Client) -> Callable[[WatchEvent], Iterable[Key]]:
    def keys(event: WatchEvent) -> Iterable[Key]:
        taints = taints_of(event.object, "NoExecute")
        if event.type == "DELETED" or not taints or (event.old and taints == taints_of(event.old, "NoExecute")):
            return ()
        name = event.object["metadata"]["name"]
        return map(key_of, client.list("pods", fields=f"spec.nodeName={name}"))

    return keys


def _bound_pod(event: WatchEvent) -> Iterable[Key]:
    """A pod that just came to a node, which may be tainted."""
    was_bound = event.old is not None and node_of(event.old)
    if event.type != "DELETED" and node_of(event.object) and not was_bound:
        yield key_of(event.object)
