"""Node lifecycle: a node whose kubelet has fallen silent is Unknown, tainted, and its pods are no longer Ready.

Order, reasons and messages as recorded in `node-crash` and `schedule-cordoned`. A node's sign of life is its Lease in
kube-node-lease; the next look is planned for the moment at which its grace ends, so nothing polls.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from cluster.client import Client, Conflict, NotFound, Obj, WatchEvent
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller, own_key
from cluster.events import EventRecorder
from cluster.objects import Key, condition, created_at, is_pod_finished, is_pod_ready, key_of
from cluster.timestamps import format_time, parse_time

LEASES = "leases.coordination.k8s.io"
LEASE_NAMESPACE = "kube-node-lease"
KUBELET_CONDITIONS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
NO_SCHEDULE_SECONDS = 0.1
"""A real cluster taints NoSchedule about 100 ms after NoExecute."""

_PRESSURES = {
    "MemoryPressure": "node.kubernetes.io/memory-pressure",
    "DiskPressure": "node.kubernetes.io/disk-pressure",
    "PIDPressure": "node.kubernetes.io/pid-pressure",
    "NetworkUnavailable": "node.kubernetes.io/network-unavailable",
}
_OURS = frozenset({NOT_READY, UNREACHABLE, UNSCHEDULABLE, *_PRESSURES.values()})


def controller(context: Context) -> Controller:
    return Controller(
        name="node-lifecycle",
        watches={"nodes": own_key, LEASES: _node_of_lease, "pods": _node_of_new_pod},
        reconcile=_Reconciler(context, context.recorder("node-controller")).reconcile,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context
    recorder: EventRecorder
    known: set[str] = field(default_factory=set)
    """The uids of the nodes seen so far."""

    async def reconcile(self, key: Key) -> float | None:
        try:
            node = self.context.client.get("nodes", key.name)
        except NotFound:
            return None
        self._register(node)
        silent_in = last_sign(self.context.client, node) + self.context.node_grace_seconds - self.context.clock()
        if silent_in <= 0:
            node = self._call_unknown(node)
        node = self._taint(node, "NoExecute")
        self._unready_pods(node)
        if wanted_taints(node, "NoSchedule") != _ours(node, "NoSchedule"):
            await self._settle(node, silent=silent_in <= 0)
        return max(silent_in, 0.0) + 0.01 if silent_in > 0 else None

    def _register(self, node: Obj) -> None:
        uid, name = node["metadata"]["uid"], node["metadata"]["name"]
        if uid not in self.known:
            self.known.add(uid)
            text = f"Node {name} event: Registered Node {name} in Controller"
            self.recorder.event(node, "Normal", "RegisteredNode", text)

    async def _settle(self, node: Obj, *, silent: bool) -> None:
        if silent:
            await asyncio.sleep(NO_SCHEDULE_SECONDS)
        with suppress(NotFound):
            self._taint(self.context.client.get("nodes", node["metadata"]["name"]), "NoSchedule")

    def _call_unknown(self, node: Obj) -> Obj:
        conditions = unknown_conditions(node, self.context.clock())
        if conditions == node["status"].get("conditions"):
            return node
        was_ready = (condition(node, "Ready") or {}).get("status") == "True"
        changed = {**node, "status": {**node["status"], "conditions": conditions}}
        node = self.context.client.update("nodes", changed, subresource="status")
        if was_ready:
            name = node["metadata"]["name"]
            self.recorder.event(node, "Normal", "NodeNotReady", f"Node {name} status is now: NodeNotReady")
        return node

    def _taint(self, node: Obj, effect: str) -> Obj:
        wanted = wanted_taints(node, effect)
        if wanted == _ours(node, effect):
            return node
        taints = merged_taints(node, wanted, effect, self.context.clock())
        others = {key: value for key, value in node["spec"].items() if key != "taints"}
        changed = {**node, "spec": {**others, **({"taints": taints} if taints else {})}}
        return self.context.client.update("nodes", changed)

    def _unready_pods(self, node: Obj) -> None:
        """Pods on a node that is not Ready lose their readiness, and so their traffic."""
        ready = condition(node, "Ready")
        if ready is None or ready["status"] == "True":
            return
        client, name = self.context.client, node["metadata"]["name"]
        for pod in client.list("pods", fields=f"spec.nodeName={name}"):
            if is_pod_ready(pod) and not is_pod_finished(pod):
                self._unready(pod)

    def _unready(self, pod: Obj) -> None:
        now = format_time(self.context.clock())
        conditions = [
            {**c, "status": "False", "lastTransitionTime": now} if c["type"] == "Ready" else c
            for c in pod["status"]["conditions"]
        ]
        with suppress(NotFound, Conflict):
            changed = {**pod, "status": {**pod["status"], "conditions": conditions}}
            self.context.client.update("pods", changed, subresource="status")
            self.recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready")


def last_sign(client: Client, node: Obj) -> float:
    """When the node was last heard of: its lease's renewal, else its creation."""
    try:
        lease = client.get(LEASES, node["metadata"]["name"], LEASE_NAMESPACE)
    except NotFound:
        return created_at(node)
    renewed = (lease.get("spec") or {}).get("renewTime")
    return parse_time(renewed) if renewed else created_at(node)


def unknown_conditions(node: Obj, now: float) -> list[Obj]:
    """The node's conditions with those that only its kubelet can know set to Unknown. Pure."""
    present: Sequence[Obj] = node["status"].get("conditions") or ()
    known = {c["type"] for c in present}
    missing = [_never_told(type, node, now) for type in KUBELET_CONDITIONS if type not in known]
    return [_unknown(c, now) if c["type"] in KUBELET_CONDITIONS else c for c in present] + missing


def wanted_taints(node: Obj, effect: str) -> list[str]:
    """The keys of the taints that the node's state calls for. Pure."""
    ready = (condition(node, "Ready") or {}).get("status", "False")
    keys = {"False": [NOT_READY], "Unknown": [UNREACHABLE]}.get(ready, [])
    if effect == "NoExecute":
        return keys
    keys += [key for type, key in _PRESSURES.items() if (condition(node, type) or {}).get("status") == "True"]
    return sorted(keys + ([UNSCHEDULABLE] if node["spec"].get("unschedulable") else []))


def merged_taints(node: Obj, wanted: Iterable[str], effect: str, now: float) -> list[Obj]:
    """The node's taints with ours of that effect replaced; those that stay keep their timeAdded. Pure."""
    present: Sequence[Obj] = node["spec"].get("taints") or ()
    kept = [t for t in present if t["effect"] != effect or t["key"] not in _OURS or t["key"] in wanted]
    there = {t["key"] for t in kept if t["effect"] == effect}
    added = [{"key": key, "effect": effect, "timeAdded": format_time(now)} for key in wanted if key not in there]
    return [*kept, *added]


def _ours(node: Obj, effect: str) -> list[str]:
    taints: Sequence[Obj] = node["spec"].get("taints") or ()
    return sorted(t["key"] for t in taints if t["effect"] == effect and t["key"] in _OURS)


def _unknown(old: Obj, now: float) -> Obj:
    if old["status"] == "Unknown":
        return old
    told = {"reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."}
    return {**old, "status": "Unknown", "lastTransitionTime": format_time(now), **told}


def _never_told(type: str, node: Obj, now: float) -> Obj:
    return {
        "type": type,
        "status": "Unknown",
        "lastHeartbeatTime": node["metadata"]["creationTimestamp"],
        "lastTransitionTime": format_time(now),
        "reason": "NodeStatusNeverUpdated",
        "message": "Kubelet never posted node status.",
    }


def _node_of_lease(event: WatchEvent) -> Iterable[Key]:
    """A renewal needs no look: the next one is planned for when the grace ends, and a lost node posts its status."""
    key = key_of(event.object)
    if key.namespace == LEASE_NAMESPACE and event.type == "ADDED":
        yield Key("", key.name)


def _node_of_new_pod(event: WatchEvent) -> Iterable[Key]:
    """A pod that a late status made Ready again on a dead node."""
    node, old = event.object["spec"].get("nodeName"), event.old
    if node and is_pod_ready(event.object) and old is not None and not is_pod_ready(old):
        yield Key("", node)
