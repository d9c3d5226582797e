"""DaemonSets: one pod on every node that it may run on, pinned there; the scheduler binds it.

Source: the page "DaemonSet" and kube-controller-manager's daemon controller: tolerations that it adds, what it counts
as misscheduled, and the rolling update that replaces at most maxUnavailable pods at a time.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from cluster.client import ApiError, Client, NotFound, Obj, WatchEvent
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller, own_key
from cluster.controllers.ownership import claim, owners_or_candidates
from cluster.controllers.replicaset import soonest_available
from cluster.controllers.revisions import LABEL, Revision, forget_history, present_revision, revision_of
from cluster.controllers.rollout import scaled_value
from cluster.events import EventRecorder
from cluster.objects import (
    Key,
    is_going,
    is_pod_active,
    is_pod_available,
    is_pod_finished,
    is_pod_ready,
    key_of,
    labels_of,
    node_of,
    pod_from_template,
)
from cluster.scheduler.facts import NodeFacts, PodFacts
from cluster.scheduler.filters import matches_node
from cluster.taints import is_tolerated

RESOURCE = "daemonsets.apps"
GENERATION = "pod-template-generation"
TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
"""What a daemon pod stays through, or comes in spite of."""


def controller(context: Context) -> Controller:
    reconciler = _Reconciler(context, context.client, context.recorder("daemonset-controller"))
    return Controller(
        name="daemonset",
        watches={
            RESOURCE: own_key,
            "pods": owners_or_candidates(context.client, "DaemonSet", RESOURCE),
            "nodes": _all_sets(context.client),
        },
        reconcile=reconciler.reconcile,
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that the next step is decided by. `pods` are by the node that each is for, those that go included."""

    daemon_set: Obj
    nodes: Sequence[Obj]
    pods: dict[str, list[Obj]]
    update: Revision
    now: float

    @property
    def spec(self) -> Obj:
        spec: Obj = self.daemon_set["spec"]
        return spec

    @property
    def wanted(self) -> list[str]:
        """The nodes that shall have a pod."""
        return [n["metadata"]["name"] for n in self.nodes if may_run(self.spec["template"], n)]

    @property
    def surge(self) -> int:
        """On how many nodes a new pod may come before the old one goes."""
        most = (self.spec["updateStrategy"].get("rollingUpdate") or {}).get("maxSurge", 0)
        return scaled_value(most, len(self.wanted), round_up=True)

    def to_create(self) -> list[str]:
        return [*(name for name in self.wanted if not self.on(name)), *self._to_surge()]

    def to_delete(self) -> Iterator[Obj]:
        """Pods that failed or are too many, those of nodes that do not want them, then those to be renewed."""
        present = {n["metadata"]["name"]: n for n in self.nodes}
        for name, pods in self.pods.items():
            staying = [p for p in pods if not is_going(p)]
            active = [p for p in staying if not is_pod_finished(p)]
            yield from (p for p in staying if is_pod_finished(p))
            node = present.get(name)
            if node is None or not may_stay(self.spec["template"], node):
                yield from active
            else:
                yield from self._superseded(active) if self.surge else active[1:]
        yield from self._to_renew()

    def _superseded(self, active: Sequence[Obj]) -> Iterator[Obj]:
        """All but one old and one new pod, and the old one once it is not missed."""
        new, old = self._pair(active)
        yield from (pod for pod in active if pod not in (new, old))
        if new is not None and old is not None and (self.is_available(new) or not is_pod_ready(old)):
            yield old

    def _pair(self, active: Sequence[Obj]) -> tuple[Obj | None, Obj | None]:
        """Of a node's pods the first new one and the first old one."""
        new = next((pod for pod in active if self.is_updated(pod)), None)
        return new, next((pod for pod in active if not self.is_updated(pod)), None)

    def _to_surge(self) -> list[str]:
        """Where the old pod is not available anyway, and as many others as may be."""
        if not self.surge:
            return []
        pairs = {name: self._pair([p for p in self.on(name) if is_pod_active(p)]) for name in self.wanted}
        surging = sum(not self.is_available(new) for new, old in pairs.values() if new and old)
        alone = {name: old for name, (new, old) in pairs.items() if old and new is None}
        down = [name for name, old in alone.items() if not self.is_available(old)]
        return [*down, *[name for name in alone if name not in down][: max(0, self.surge - surging)]]

    def on(self, node: str) -> list[Obj]:
        return self.pods.get(node, [])

    def is_available(self, pod: Obj) -> bool:
        return is_pod_active(pod) and is_pod_available(pod, self.spec.get("minReadySeconds", 0), self.now)

    def is_updated(self, pod: Obj) -> bool:
        return revision_of(pod) == self.update.hash

    def _to_renew(self) -> list[Obj]:
        strategy = self.spec["updateStrategy"]
        if strategy["type"] != "RollingUpdate" or self.surge:
            return []
        old = [p for name in self.wanted for p in self.on(name) if is_pod_active(p) and not self.is_updated(p)]
        lost = [p for p in old if not self.is_available(p)]
        most = max(1, scaled_value(strategy["rollingUpdate"]["maxUnavailable"], len(self.wanted), round_up=True))
        down = sum(not any(map(self.is_available, self.on(name))) for name in self.wanted)
        healthy = [p for p in old if p not in lost]
        return [*lost, *healthy[: max(0, most - down)]]


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context
    client: Client
    recorder: EventRecorder

    async def reconcile(self, key: Key) -> float | None:
        try:
            daemon_set = self.client.get(RESOURCE, key.name, key.namespace)
        except NotFound:
            return None
        pods = claim(self.client, "pods", daemon_set)
        if is_going(daemon_set):
            return None
        update, known = present_revision(self.client, daemon_set)
        plan = Plan(daemon_set, self.client.list("nodes"), _by_node(pods), update, self.context.clock())
        try:
            for pod in list(plan.to_delete()):
                self._delete(daemon_set, pod)
            for node in plan.to_create():
                self._create(daemon_set, node, update)
        finally:
            self._write_status(plan)
        forget_history(
            self.client, daemon_set, known, lambda r: r == update or any(revision_of(p) == r.hash for p in pods)
        )
        return soonest_available(pods, plan.spec.get("minReadySeconds", 0), plan.now)

    def _create(self, daemon_set: Obj, node: str, revision: Revision) -> None:
        try:
            made = self.client.create("pods", pod_for(daemon_set, node, revision), key_of(daemon_set).namespace)
        except ApiError as error:
            self.recorder.event(daemon_set, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self.recorder.event(daemon_set, "Normal", "SuccessfulCreate", f"Created pod: {made['metadata']['name']}")

    def _delete(self, daemon_set: Obj, pod: Obj) -> None:
        key = key_of(pod)
        if pod.get("status", {}).get("phase") == "Failed":
            said = f"Found failed daemon pod {key.namespace}/{key.name} on node {node_of(pod)}, will try to kill it"
            self.recorder.event(daemon_set, "Warning", "FailedDaemonPod", said)
        try:
            self.client.delete("pods", key.name, key.namespace, uid=pod["metadata"]["uid"])
        except NotFound:
            return
        self.recorder.event(daemon_set, "Normal", "SuccessfulDelete", f"Deleted pod: {key.name}")

    def _write_status(self, plan: Plan) -> None:
        key, status = key_of(plan.daemon_set), new_status(plan)
        present = self.client.get(RESOURCE, key.name, key.namespace)
        if present.get("status") != status:
            self.client.update(RESOURCE, {**present, "status": status}, subresource="status")


def new_status(plan: Plan) -> Obj:
    """The status that these pods make; zero counts are left out where Kubernetes leaves them out. Pure."""
    wanted = set(plan.wanted)
    active = {name: [p for p in pods if is_pod_active(p)] for name, pods in plan.pods.items()}
    placed = {name: pods for name, pods in active.items() if pods and name in wanted}
    available = sum(any(map(plan.is_available, pods)) for pods in placed.values())
    counts = {
        "updatedNumberScheduled": sum(any(map(plan.is_updated, pods)) for pods in placed.values()),
        "numberAvailable": available,
        "numberUnavailable": len(wanted) - available,
    }
    collisions = (plan.daemon_set.get("status") or {}).get("collisionCount")
    return {
        "currentNumberScheduled": len(placed),
        "numberMisscheduled": sum(bool(pods) and name not in wanted for name, pods in active.items()),
        "desiredNumberScheduled": len(wanted),
        "numberReady": sum(any(map(is_pod_ready, pods)) for pods in placed.values()),
        "observedGeneration": plan.daemon_set["metadata"]["generation"],
        **{name: count for name, count in counts.items() if count},
        **({"collisionCount": collisions} if collisions is not None else {}),
    }


def pod_for(daemon_set: Obj, node: str, revision: Revision) -> Obj:
    """The pod for one node: its affinity names the node, whatever else the template's affinity said of nodes. Pure."""
    pod = pod_from_template(revision.template, daemon_set, f"{daemon_set['metadata']['name']}-")
    pod["metadata"]["labels"] = {**labels_of(pod), LABEL: revision.hash, GENERATION: _generation(daemon_set)}
    here = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    affinity = dict(pod["spec"].get("affinity") or {})
    affinity["nodeAffinity"] = {
        **(affinity.get("nodeAffinity") or {}),
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [here]},
    }
    pod["spec"] |= {"affinity": affinity, "tolerations": [*(pod["spec"].get("tolerations") or ()), *_tolerations()]}
    return pod


def may_run(template: Obj, node: Obj) -> bool:
    """Whether the node shall have a pod: its labels match, and all its taints are tolerated. Pure."""
    return _matches(template, node) and not _untolerated(template, node, ("NoSchedule", "NoExecute"))


def may_stay(template: Obj, node: Obj) -> bool:
    """Whether a pod that is there may stay: a NoSchedule taint does not drive it out. Pure."""
    return _matches(template, node) and not _untolerated(template, node, ("NoExecute",))


def _matches(template: Obj, node: Obj) -> bool:
    pod = {"metadata": {"name": "", "namespace": "", "uid": ""}, "spec": template["spec"]}
    return matches_node(PodFacts(pod), NodeFacts(node))


def _untolerated(template: Obj, node: Obj, effects: Sequence[str]) -> bool:
    tolerations = [*(template["spec"].get("tolerations") or ()), *_tolerations()]
    taints = ((node.get("spec") or {}).get("taints")) or ()
    return any(t["effect"] in effects and not is_tolerated(t, tolerations) for t in taints)


def _tolerations() -> list[Obj]:
    return [{"key": key, "operator": "Exists", "effect": effect} for key, effect in TOLERATED]


def _generation(daemon_set: Obj) -> str:
    notes = daemon_set["metadata"].get("annotations") or {}
    return str(notes.get("deprecated.daemonset.template.generation", "1"))


def _by_node(pods: Iterable[Obj]) -> dict[str, list[Obj]]:
    """Oldest first; a pod that is not bound yet counts for the node that it is pinned to."""
    found: dict[str, list[Obj]] = {}
    for pod in sorted(pods, key=lambda p: p["metadata"]["creationTimestamp"]):
        found.setdefault(node_of(pod) or _pinned_to(pod), []).append(pod)
    return found


def _pinned_to(pod: Obj) -> str:
    affinity = ((pod["spec"].get("affinity") or {}).get("nodeAffinity")) or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field["key"] == "metadata.name":
                return str(field["values"][0])
    return ""


def _all_sets(client: Client) -> Callable[[WatchEvent], Iterable[Key]]:
    """Every DaemonSet, when a node comes, goes, or changes in what decides who may run there."""

    def keys(event: WatchEvent) -> Iterable[Key]:
        if event.type == "MODIFIED" and event.old is not None and _admits(event.old) == _admits(event.object):
            return ()
        return map(key_of, client.list(RESOURCE))

    return keys


def _admits(node: Obj) -> tuple[object, ...]:
    spec = node.get("spec") or {}
    return labels_of(node), spec.get("taints"), spec.get("unschedulable")
