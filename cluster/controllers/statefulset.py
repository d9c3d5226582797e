"""StatefulSets: pods with names and claims of their own, brought up in order, taken down and updated in reverse.

One step a reconciliation, as kube-controller-manager does it; with podManagementPolicy Parallel all steps at once
(but for updates). Names, labels, events and status as recorded in `storage-statefulset-pv`.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from cluster.client import AlreadyExists, ApiError, Client, NotFound, Obj
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller, own_key
from cluster.controllers.ownership import claim, owners_or_candidates
from cluster.controllers.replicaset import soonest_available
from cluster.controllers.revisions import LABEL, Revision, forget_history, present_revision, revision_of
from cluster.events import EventRecorder
from cluster.objects import (
    Key,
    controller_reference,
    is_going,
    is_pod_available,
    is_pod_finished,
    is_pod_ready,
    key_of,
    pod_from_template,
    private_copy,
)

RESOURCE = "statefulsets.apps"
CLAIMS = "persistentvolumeclaims"
POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
INDEX_LABEL = "apps.kubernetes.io/pod-index"


def controller(context: Context) -> Controller:
    reconciler = _Reconciler(context, context.client, context.recorder("statefulset-controller"))
    return Controller(
        name="statefulset",
        watches={RESOURCE: own_key, "pods": owners_or_candidates(context.client, "StatefulSet", RESOURCE)},
        reconcile=reconciler.reconcile,
    )


@dataclass(frozen=True, slots=True)
class Create:
    """Make the pod of that ordinal from a revision."""

    ordinal: int
    revision: Revision


@dataclass(frozen=True, slots=True)
class Delete:
    pod: Obj
    reason: str = ""
    """Of the Warning event, for pods that have failed."""


Step = Create | Delete


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that the next steps are decided by. `pods` are by ordinal, those beyond the replicas included."""

    stateful_set: Obj
    pods: dict[int, Obj]
    current: Revision
    update: Revision
    now: float

    @property
    def wanted(self) -> range:
        spec = self.stateful_set["spec"]
        start = (spec.get("ordinals") or {}).get("start", 0)
        return range(start, start + spec.get("replicas", 1))

    @property
    def in_order(self) -> bool:
        return bool(self.stateful_set["spec"].get("podManagementPolicy") != "Parallel")

    @property
    def strategy(self) -> Obj:
        strategy: Obj = self.stateful_set["spec"].get("updateStrategy") or {}
        return strategy

    def is_well(self, pod: Obj) -> bool:
        seconds = self.stateful_set["spec"].get("minReadySeconds", 0)
        return not is_going(pod) and is_pod_available(pod, seconds, self.now)

    def steps(self) -> Iterator[Step]:
        """What to do now, in this order; nothing where a pod has to be waited for."""
        bring_up = list(self._bring_up())
        if bring_up or (self.in_order and not all(o in self.pods and self.is_well(self.pods[o]) for o in self.wanted)):
            yield from bring_up
            return
        take_down = list(self._take_down())
        yield from take_down or self._renew()

    def _bring_up(self) -> Iterator[Step]:
        for ordinal in self.wanted:
            pod = self.pods.get(ordinal)
            if pod is None:
                yield Create(ordinal, self.revision_for(ordinal))
            elif is_pod_finished(pod) and not is_going(pod):
                yield Delete(pod, reason="RecreatingFailedPod")
            elif self.is_well(pod) or not self.in_order:
                continue
            if self.in_order:
                return

    def _take_down(self) -> Iterator[Step]:
        for ordinal in sorted(set(self.pods) - set(self.wanted), reverse=True):
            pod = self.pods[ordinal]
            if not is_going(pod):
                yield Delete(pod)
            if self.in_order:
                return

    def _renew(self) -> Iterator[Step]:
        """From the highest ordinal down to the partition, one at a time, each once the one before is well."""
        if self.strategy.get("type") == "OnDelete" or set(self.pods) - set(self.wanted):
            return
        for ordinal in reversed(self.wanted[self._partition :]):
            pod = self.pods.get(ordinal)
            if pod is None:
                return
            if revision_of(pod) != self.update.name and not is_going(pod):
                yield Delete(pod)
                return
            if not self.is_well(pod):
                return

    @property
    def _partition(self) -> int:
        return int((self.strategy.get("rollingUpdate") or {}).get("partition", 0))

    def revision_for(self, ordinal: int) -> Revision:
        """A lost pod that the update has not reached yet, going down from the highest, comes back as it was."""
        above = [self.pods.get(o) for o in self.wanted if o > ordinal]
        reached = all(pod is not None and revision_of(pod) == self.update.name for pod in above)
        is_kept = ordinal - self.wanted.start < self._partition or not reached
        return self.current if is_kept and self.strategy.get("type") != "OnDelete" else self.update


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context
    client: Client
    recorder: EventRecorder

    async def reconcile(self, key: Key) -> float | None:
        try:
            stateful_set = self.client.get(RESOURCE, key.name, key.namespace)
        except NotFound:
            return None
        pods = _by_ordinal(stateful_set, claim(self.client, "pods", stateful_set))
        if is_going(stateful_set):
            return None
        update, known = present_revision(self.client, stateful_set)
        plan = Plan(stateful_set, pods, _current(stateful_set, known, update), update, self.context.clock())
        try:
            for step in plan.steps():
                self._take(plan, step)
        finally:
            self._write_status(plan)
        forget_history(self.client, stateful_set, known, lambda r: r in (plan.current, update) or _is_used(r, pods))
        return soonest_available(list(pods.values()), stateful_set["spec"].get("minReadySeconds", 0), plan.now)

    def _take(self, plan: Plan, step: Step) -> None:
        if isinstance(step, Create):
            self._create(plan.stateful_set, step)
        else:
            self._delete(plan.stateful_set, step)

    def _create(self, stateful_set: Obj, step: Create) -> None:
        pod = pod_for(stateful_set, step.ordinal, step.revision)
        name, owner = pod["metadata"]["name"], stateful_set["metadata"]["name"]
        for wanted in claims_for(stateful_set, step.ordinal):
            self._claim(stateful_set, wanted, name)
        try:
            self.client.create("pods", pod, key_of(stateful_set).namespace)
        except ApiError as error:
            what = f"create Pod {name} in StatefulSet {owner} failed error: {error}"
            self.recorder.event(stateful_set, "Warning", "FailedCreate", what)
            raise
        what = f"Create Pod {name} in StatefulSet {owner} successful"
        self.recorder.event(stateful_set, "Normal", "SuccessfulCreate", what)

    def _claim(self, stateful_set: Obj, wanted: Obj, pod: str) -> None:
        name, owner = wanted["metadata"]["name"], stateful_set["metadata"]["name"]
        try:
            self.client.create(CLAIMS, wanted, key_of(stateful_set).namespace)
        except AlreadyExists:
            return
        except ApiError as error:
            what = f"create Claim {name} for Pod {pod} in StatefulSet {owner} failed error: {error}"
            self.recorder.event(stateful_set, "Warning", "FailedCreate", what)
            raise
        what = f"Create Claim {name} Pod {pod} in StatefulSet {owner} success"
        self.recorder.event(stateful_set, "Normal", "SuccessfulCreate", what)

    def _delete(self, stateful_set: Obj, step: Delete) -> None:
        key, owner = key_of(step.pod), stateful_set["metadata"]["name"]
        if step.reason:
            what = f"StatefulSet {key.namespace}/{owner} is recreating failed Pod {key.name}"
            self.recorder.event(stateful_set, "Warning", step.reason, what)
        elif _retention(stateful_set, "whenScaled") == "Delete" and _is_surplus(stateful_set, step.pod):
            self._let_claims_go(stateful_set, step.pod)
        with suppress(NotFound):
            self.client.delete("pods", key.name, key.namespace, uid=step.pod["metadata"]["uid"])
            what = f"Delete Pod {key.name} in StatefulSet {owner} successful"
            self.recorder.event(stateful_set, "Normal", "SuccessfulDelete", what)

    def _let_claims_go(self, stateful_set: Obj, pod: Obj) -> None:
        """Owned by the pod, its claims go with it (KEP-1847)."""
        owner = {**controller_reference(pod), "controller": False}
        for wanted in claims_for(stateful_set, _ordinal(stateful_set, pod)):
            with suppress(NotFound):
                metadata = {"ownerReferences": [owner]}
                self.client.patch(CLAIMS, wanted["metadata"]["name"], key_of(pod).namespace, {"metadata": metadata})

    def _write_status(self, plan: Plan) -> None:
        key = key_of(plan.stateful_set)
        status = new_status(plan)
        if status != plan.stateful_set.get("status"):
            stateful_set = self.client.get(RESOURCE, key.name, key.namespace)
            self.client.update(RESOURCE, {**stateful_set, "status": status}, subresource="status")


def new_status(plan: Plan) -> Obj:
    """The status that the pods make; a finished update makes the update revision the current one. Pure."""
    old, pods = plan.stateful_set.get("status") or {}, list(plan.pods.values())
    staying = [p for p in pods if not is_going(p)]
    counts = {
        "replicas": len(pods),
        "readyReplicas": sum(map(is_pod_ready, pods)),
        "currentReplicas": sum(revision_of(p) == plan.current.name for p in staying),
        "updatedReplicas": sum(revision_of(p) == plan.update.name for p in staying),
    }
    current = plan.current.name
    if (
        counts["updatedReplicas"] == counts["replicas"] == counts["readyReplicas"]
        and plan.strategy.get("type") != "OnDelete"
    ):
        current, counts["currentReplicas"] = plan.update.name, counts["updatedReplicas"]
    seconds = plan.stateful_set["spec"].get("minReadySeconds", 0)
    return {
        "observedGeneration": plan.stateful_set["metadata"]["generation"],
        **{name: count for name, count in counts.items() if count or name == "replicas"},
        "currentRevision": current,
        "updateRevision": plan.update.name,
        "collisionCount": old.get("collisionCount", 0),
        "availableReplicas": sum(is_pod_available(p, seconds, plan.now) for p in pods),
    }


def pod_for(stateful_set: Obj, ordinal: int, revision: Revision) -> Obj:
    """The pod of that ordinal. Pure."""
    set_name = stateful_set["metadata"]["name"]
    name = f"{set_name}-{ordinal}"
    pod = pod_from_template(revision.template, stateful_set, f"{set_name}-")
    pod["metadata"]["name"] = name
    own = {POD_NAME_LABEL: name, INDEX_LABEL: str(ordinal), LABEL: revision.name}
    pod["metadata"]["labels"] = {**(pod["metadata"].get("labels") or {}), **own}
    pod["spec"] |= {"hostname": name, "subdomain": stateful_set["spec"].get("serviceName", "")}
    claimed = [
        {"name": t["metadata"]["name"], "persistentVolumeClaim": {"claimName": _claim_name(t, name)}}
        for t in stateful_set["spec"].get("volumeClaimTemplates") or ()
    ]
    names = {volume["name"] for volume in claimed}
    volumes = [*claimed, *(v for v in pod["spec"].get("volumes") or () if v["name"] not in names)]
    return pod if not volumes else {**pod, "spec": {**pod["spec"], "volumes": volumes}}


def claims_for(stateful_set: Obj, ordinal: int) -> list[Obj]:
    """The claims of the pod of that ordinal. Pure."""
    pod = f"{stateful_set['metadata']['name']}-{ordinal}"
    selected = (stateful_set["spec"].get("selector") or {}).get("matchLabels") or {}
    claims = []
    for template in stateful_set["spec"].get("volumeClaimTemplates") or ():
        wanted = private_copy({k: template[k] for k in ("apiVersion", "kind", "metadata", "spec") if k in template})
        wanted["metadata"] |= {"name": _claim_name(template, pod)}
        wanted["metadata"]["labels"] = {**(template["metadata"].get("labels") or {}), **selected}
        if _retention(stateful_set, "whenDeleted") == "Delete":
            wanted["metadata"]["ownerReferences"] = [{**controller_reference(stateful_set), "controller": False}]
        claims.append(wanted)
    return claims


def _claim_name(template: Obj, pod: str) -> str:
    return f"{template['metadata']['name']}-{pod}"


def _retention(stateful_set: Obj, when: str) -> str:
    policy = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return str(policy.get(when, "Retain"))


def _current(stateful_set: Obj, known: Sequence[Revision], update: Revision) -> Revision:
    name = (stateful_set.get("status") or {}).get("currentRevision")
    return next((r for r in known if r.name == name), update)


def _is_used(revision: Revision, pods: dict[int, Obj]) -> bool:
    return any(revision_of(pod) == revision.name for pod in pods.values())


def _by_ordinal(stateful_set: Obj, pods: Sequence[Obj]) -> dict[int, Obj]:
    found = {_ordinal(stateful_set, pod): pod for pod in pods}
    return {ordinal: found[ordinal] for ordinal in sorted(found) if ordinal >= 0}


def _ordinal(stateful_set: Obj, pod: Obj) -> int:
    prefix, _, number = pod["metadata"]["name"].rpartition("-")
    return int(number) if prefix == stateful_set["metadata"]["name"] and number.isdigit() else -1


def _is_surplus(stateful_set: Obj, pod: Obj) -> bool:
    spec = stateful_set["spec"]
    end = (spec.get("ordinals") or {}).get("start", 0) + spec.get("replicas", 1)
    return _ordinal(stateful_set, pod) >= int(end)
