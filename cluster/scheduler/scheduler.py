"""The scheduling loop: one pod at a time, in the order they came; what fits nowhere waits for the world to change."""

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from cluster.client import Client, NotFound, Obj, WatchEvent
from cluster.controllers.loop import Controller, run
from cluster.events import EventRecorder
from cluster.objects import Key, condition, is_going, is_pod_finished, key_of, labels_of, node_of, with_condition
from cluster.scheduler import messages, preemption
from cluster.scheduler.affinity import affinity_filters
from cluster.scheduler.facts import NodeFacts, PodFacts
from cluster.scheduler.filters import NODE_FILTERS, Filter, Refusal, refusals
from cluster.scheduler.hints import claim_may_help, may_help, volume_may_help
from cluster.scheduler.scores import best
from cluster.scheduler.spread import spread_filters
from cluster.scheduler.volumes import Claims, choose_node, claims_of, volume_filters

NAME = "default-scheduler"
BACKOFF_SECONDS_MIN = 1.0
BACKOFF_SECONDS_MAX = 10.0
"""How soon a pod that fitted nowhere is tried again when something changes; doubling with each attempt."""

_PREEMPTED: Obj = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "PreemptionByScheduler",
    "message": f"{NAME}: preempting to accommodate a higher priority pod",
}

RETRY_SECONDS = 300.0
"""How soon it is tried again when nothing does."""


async def run_scheduler(
    client: Client, *, clock: Callable[[], float] = time.time, chance: random.Random | None = None
) -> None:
    """Bind pods to nodes until cancelled. `chance` breaks ties between equally good nodes."""
    scheduler = _Scheduler(client, EventRecorder(client, NAME, clock=clock), clock, chance or random.Random())  # noqa: S311 - no secret
    await run(client, [scheduler.controller()])


@dataclass(slots=True)
class _Waiting:
    """A pod that fitted nowhere."""

    pod: PodFacts
    attempts: int
    not_before: float
    node: str = ""
    """Where its volumes are being made, if that is what it waits for."""
    reasons: frozenset[str] = frozenset()
    """Why nodes refused it."""


@dataclass(slots=True)
class _Scheduler:
    client: Client
    recorder: EventRecorder
    clock: Callable[[], float]
    chance: random.Random
    nodes: dict[str, NodeFacts] = field(default_factory=dict)
    homeless: dict[str, dict[str, PodFacts]] = field(default_factory=dict)
    """Bound pods of nodes that are not known (yet), by node name and uid."""
    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)
    waiting: dict[Key, _Waiting] = field(default_factory=dict)
    nominated: dict[Key, tuple[str, PodFacts]] = field(default_factory=dict)
    """Pods for which others had to go, each with the node on which there will be room for it."""

    def controller(self) -> Controller:
        return Controller(
            name="scheduler",
            watches={
                "namespaces": self._follow_namespace,
                "nodes": self._follow_node,
                "persistentvolumeclaims": self._follow_claim,
                "persistentvolumes": self._follow_volume,
                "pods": self._follow_pod,
                "storageclasses.storage.k8s.io": self._follow_volume,
            },
            reconcile=self.reconcile,
        )

    # What the world looks like

    def _follow_namespace(self, event: WatchEvent) -> Iterable[Key]:
        self.namespaces[event.object["metadata"]["name"]] = labels_of(event.object)
        return ()

    def _follow_node(self, event: WatchEvent) -> Iterable[Key]:
        name = event.object["metadata"]["name"]
        if event.type == "DELETED":
            if lost := self.nodes.pop(name, None):
                self.homeless[name] = lost.pods
            return ()
        if name in self.nodes:
            self.nodes[name].renew(event.object)
        else:
            self._add_node(event.object)
        return () if event.old is not None and _offer(event.old) == _offer(event.object) else list(self.waiting)

    def _add_node(self, obj: Obj) -> None:
        node = NodeFacts(obj)
        for pod in self.homeless.pop(node.name, {}).values():
            node.add(pod)
        self.nodes[node.name] = node

    def _follow_pod(self, event: WatchEvent) -> Iterable[Key]:
        pod, key = event.object, key_of(event.object)
        if node_of(pod):
            return self._follow_bound(event)
        if event.type == "DELETED" or not _is_ours(pod):
            self._settle(key)
            return ()
        if event.type == "MODIFIED" and key in self.waiting and not _changed(event):
            # Our own note that it fits nowhere.
            return ()
        return (key,)

    def _follow_bound(self, event: WatchEvent) -> Iterable[Key]:
        pod = event.object
        self._settle(key_of(pod))
        gone = event.type == "DELETED" or is_pod_finished(pod)
        resized = _resized(event)
        if event.old is not None and not gone and not (resized or _changed(event)) and node_of(event.old):
            return ()
        self._place(node_of(pod), PodFacts(pod), gone=gone)
        helped = self._helped_by(PodFacts(pod), gone=gone)
        # One that came with other labels or resources is as one that went.
        other = event.old is not None and not gone and (resized or labels_of(event.old) != labels_of(pod))
        return [*helped, *(self._helped_by(PodFacts(event.old), gone=True) if event.old and other else ())]

    def _helped_by(self, changed: PodFacts, *, gone: bool) -> list[Key]:
        waiting = self.waiting.items()
        return [k for k, w in waiting if may_help(w.pod, w.reasons, changed, self.namespaces, gone=gone)]

    def _place(self, name: str, pod: PodFacts, *, gone: bool) -> None:
        node = self.nodes.get(name)
        if node is not None and gone:
            node.remove(pod.uid)
        elif node is not None:
            node.add(pod)
        elif gone:
            self.homeless.get(name, {}).pop(pod.uid, None)
        else:
            self.homeless.setdefault(name, {})[pod.uid] = pod

    def _follow_claim(self, event: WatchEvent) -> Iterable[Key]:
        changed = key_of(event.object)
        return [key for key, waiting in self.waiting.items() if claim_may_help(waiting.pod, changed)]

    def _follow_volume(self, _: WatchEvent) -> Iterable[Key]:
        return [key for key, waiting in self.waiting.items() if volume_may_help(waiting.pod, waiting.reasons)]

    # One pod

    async def reconcile(self, key: Key) -> float | None:
        try:
            obj = self.client.get("pods", key.name, key.namespace)
        except NotFound:
            self._settle(key)
            return None
        if node_of(obj) or not _is_ours(obj):
            return None
        waiting = self.waiting.get(key)
        if waiting is not None and (left := waiting.not_before - self.clock()) > 0:
            return left
        return self._schedule(key, PodFacts(obj))

    def _schedule(self, key: Key, pod: PodFacts) -> float | None:
        claims, nodes = claims_of(self.client, pod), self._nodes_for(key, pod)
        if claims.problem:
            return self._refuse(key, pod, messages.rejected(len(nodes), claims.problem))
        feasible, refused = refusals(pod, nodes, self._filters(pod, nodes, claims))
        if not feasible:
            return self._make_room(key, pod, nodes, refused, claims)
        node = self._chosen(key, feasible) or best(pod, nodes, feasible, self.namespaces, self.chance)
        if claims.delayed:
            choose_node(self.client, claims, node)
            self._wait(key, pod, backoff=False, node=node.name)
            return None
        self._bind(key, pod, self.nodes[node.name])
        return None

    def _nodes_for(self, key: Key, pod: PodFacts) -> list[NodeFacts]:
        """The nodes as they are to this pod: room that was made for one at least as important is taken."""
        nodes = dict(self.nodes)
        for other, (name, promised) in self.nominated.items():
            if other != key and promised.priority >= pod.priority and name in nodes:
                nodes[name] = nodes[name].copy()
                nodes[name].add(promised)
        return list(nodes.values())

    def _make_room(
        self, key: Key, pod: PodFacts, nodes: list[NodeFacts], refused: Mapping[str, Refusal], claims: Claims
    ) -> float:
        """Push less important pods off a node where that helps, and wait for their end."""
        if why := self._not_eligible(key, pod):
            return self._refuse(key, pod, messages.not_eligible(len(nodes), refused, why), refused)

        def fits(world: Sequence[NodeFacts], node: NodeFacts) -> bool:
            return not refusals(pod, [node], self._filters(pod, list(world), claims))[1]

        budgets = self.client.list("poddisruptionbudgets.policy")
        found = preemption.choose(pod, nodes, refused, fits, budgets)
        if found is None:
            return self._refuse(key, pod, messages.unschedulable(len(nodes), refused), refused)
        self.nominated[key] = found.node, pod
        for victim in found.victims:
            self._preempt(victim, pod, found.node)
        return self._refuse(key, pod, messages.beaten(len(nodes), refused), refused, nominated=found.node)

    def _not_eligible(self, key: Key, pod: PodFacts) -> str:
        if pod.spec.get("preemptionPolicy") == "Never":
            return "preemptionPolicy=Never"
        name, _ = self.nominated.get(key, ("", pod))
        there = self.nodes[name].pods.values() if name in self.nodes else ()
        if any(other.going and other.priority < pod.priority for other in there):
            return "a terminating pod on the nominated node"
        return ""

    def _preempt(self, victim: PodFacts, pod: PodFacts, node: str) -> None:
        """Raises nothing for a victim that has gone by itself."""
        name, namespace = victim.obj["metadata"]["name"], victim.namespace
        with suppress(NotFound):
            obj = self.client.get("pods", name, namespace)
            conditions = with_condition((obj.get("status") or {}).get("conditions"), _PREEMPTED, self.clock())
            status = {**(obj.get("status") or {}), "conditions": conditions}
            self.client.update("pods", {**obj, "status": status}, subresource="status")
            self.client.delete("pods", name, namespace, uid=victim.uid)
            said = f"Preempted by pod {pod.uid} on node {node}"
            self.recorder.scheduling_event(obj, "Normal", "Preempted", said, "Preempting")

    def _settle(self, key: Key) -> None:
        """The pod waits no longer, whatever became of it."""
        self.waiting.pop(key, None)
        self.nominated.pop(key, None)

    def _chosen(self, key: Key, feasible: list[NodeFacts]) -> NodeFacts | None:
        """The node that volumes were made for, if it can still take the pod."""
        wanted = self.waiting[key].node if key in self.waiting else ""
        return next((n for n in feasible if n.name == wanted), None)

    def _filters(self, pod: PodFacts, nodes: list[NodeFacts], claims: Claims) -> list[Filter]:
        filters = [*NODE_FILTERS, *volume_filters(claims)]
        return [*filters, *spread_filters(pod, nodes), *affinity_filters(pod, nodes, self.namespaces)]

    def _bind(self, key: Key, pod: PodFacts, node: NodeFacts) -> None:
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": key.name, "namespace": key.namespace, "uid": pod.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node.name},
        }
        self.client.create("pods", binding, key.namespace, subresource="binding", name=key.name)
        node.add(pod)
        self._settle(key)
        said = f"Successfully assigned {key.namespace}/{key.name} to {node.name}"
        self.recorder.scheduling_event(pod.obj, "Normal", "Scheduled", said, "Binding")

    def _refuse(
        self, key: Key, pod: PodFacts, why: str, refused: Mapping[str, Refusal] | None = None, nominated: str = ""
    ) -> float:
        self.recorder.scheduling_event(pod.obj, "Warning", "FailedScheduling", why, "Scheduling")
        new = {
            "type": "PodScheduled",
            "status": "False",
            "lastProbeTime": None,
            "reason": "Unschedulable",
            "message": why,
        }
        if (generation := pod.obj["metadata"].get("generation")) is not None:
            new["observedGeneration"] = generation
        self._wait(key, pod, backoff=True, refused=refused)
        self._note(pod.obj, new, nominated)
        return RETRY_SECONDS

    def _note(self, obj: Obj, new: Obj, nominated: str) -> None:
        present = condition(obj, "PodScheduled")
        status = (obj.get("status") or {}) | ({"nominatedNodeName": nominated} if nominated else {})
        if present is not None and {**present, **new} == present and status == obj.get("status"):
            return
        conditions = with_condition(status.get("conditions"), new, self.clock())
        changed = {**obj, "status": {**status, "conditions": conditions}}
        self.client.update("pods", changed, subresource="status")

    def _wait(
        self,
        key: Key,
        pod: PodFacts,
        *,
        backoff: bool,
        node: str = "",
        refused: Mapping[str, Refusal] | None = None,
    ) -> None:
        attempts = self.waiting[key].attempts + 1 if key in self.waiting else 1
        seconds = min(BACKOFF_SECONDS_MIN * 2 ** (attempts - 1), BACKOFF_SECONDS_MAX) if backoff else 0.0
        reasons = frozenset(reason for refusal in (refused or {}).values() for reason in refusal.reasons)
        self.waiting[key] = _Waiting(pod, min(attempts, 10), self.clock() + seconds, node, reasons)


def _is_ours(pod: Obj) -> bool:
    spec = pod["spec"]
    free = not spec.get("schedulingGates") and not is_going(pod) and not is_pod_finished(pod)
    return free and spec.get("schedulerName", NAME) == NAME


def _offer(node: Obj) -> tuple[object, ...]:
    """What of a node decides whether a pod fits; the rest is heartbeats."""
    spec = node.get("spec") or {}
    return (node.get("status") or {}).get("allocatable"), labels_of(node), spec.get("taints"), spec.get("unschedulable")


def _resized(event: WatchEvent) -> bool:
    """Whether a pod holds other resources than before; its status alone may tell, but first its spec was changed."""
    if event.old is None or event.object["metadata"].get("generation", 1) == 1:
        return False
    return PodFacts(event.old).requests != PodFacts(event.object).requests


def _changed(event: WatchEvent) -> bool:
    """Whether a pod changed in anything that scheduling asks of it."""
    old, new = event.old, event.object
    if old is None:
        return True
    return (old["spec"], labels_of(old), is_going(old)) != (new["spec"], labels_of(new), is_going(new))
