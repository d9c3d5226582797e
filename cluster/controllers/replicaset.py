"""ReplicaSets: as many active pods as asked for, created in growing batches, deleted by rank; status and events.

Field order, messages and the sequence of status writes follow the recordings `scale-down-and-up`, `quota-exceeded`
and `rolling-update-good`.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cluster.client import ApiError, Client, NotFound, Obj
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller, own_key
from cluster.controllers.ownership import claim, owners_or_candidates
from cluster.controllers.scale_down import pods_to_delete
from cluster.events import EventRecorder
from cluster.objects import (
    Key,
    condition,
    controller_of,
    is_going,
    is_pod_active,
    is_pod_available,
    is_pod_finished,
    is_pod_ready,
    key_of,
    labels_of,
    pod_from_template,
    seconds_until_available,
    with_condition,
)

BURST_REPLICAS = 500
"""The most pods that one reconciliation creates or deletes."""

RESOURCE = "replicasets.apps"


def controller(context: Context) -> Controller:
    return replicating(context, kind="ReplicaSet", resource=RESOURCE, source="replicaset-controller")


def replicating(context: Context, *, kind: str, resource: str, source: str) -> Controller:
    """A controller of a kind that keeps `spec.replicas` pods of one template; `source` is who its events are from."""
    reconciler = _Reconciler(context, context.recorder(source), resource)
    return Controller(
        name=kind.lower(),
        watches={resource: own_key, "pods": owners_or_candidates(context.client, kind, resource)},
        reconcile=reconciler.reconcile,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context
    recorder: EventRecorder
    resource: str

    async def reconcile(self, key: Key) -> float | None:
        client, now = self.context.client, self.context.clock()
        try:
            replicaset = client.get(self.resource, key.name, key.namespace)
        except NotFound:
            return None
        pods = claim(client, "pods", replicaset)
        failure = await self._manage(replicaset, [p for p in pods if is_pod_active(p)])
        self._write_status(key, new_status(replicaset, pods, failure, now))
        if failure is not None:
            raise failure.error
        return soonest_available(pods, replicaset["spec"].get("minReadySeconds", 0), now)

    async def _manage(self, replicaset: Obj, active: Sequence[Obj]) -> "Failure | None":
        if is_going(replicaset):
            return None
        difference = len(active) - replicaset["spec"].get("replicas", 1)
        if difference < 0:
            return await self._create(replicaset, min(-difference, BURST_REPLICAS))
        if difference > 0:
            return await self._delete(replicaset, active, min(difference, BURST_REPLICAS))
        return None

    async def _create(self, replicaset: Obj, count: int) -> "Failure | None":
        failure = None
        for batch in slow_start(count):
            for _ in range(batch):
                refused = self._create_one(replicaset)
                failure = failure or refused
                await asyncio.sleep(0)
            if failure is not None:
                break
        return failure

    def _create_one(self, replicaset: Obj) -> "Failure | None":
        key = key_of(replicaset)
        pod = pod_from_template(replicaset["spec"]["template"], replicaset, f"{key.name}-")
        try:
            created = self.context.client.create("pods", pod, key.namespace)
        except ApiError as error:
            self.recorder.event(replicaset, "Warning", "FailedCreate", f"Error creating: {error}")
            return Failure("FailedCreate", error)
        self.recorder.event(replicaset, "Normal", "SuccessfulCreate", f"Created pod: {created['metadata']['name']}")
        return None

    async def _delete(self, replicaset: Obj, active: Sequence[Obj], count: int) -> "Failure | None":
        siblings = related_pods(self.context.client, replicaset, active)
        failure = None
        for pod in pods_to_delete(active, count, siblings, self.context.clock()):
            refused = self._delete_one(replicaset, pod)
            failure = failure or refused
            await asyncio.sleep(0)
        return failure

    def _delete_one(self, replicaset: Obj, pod: Obj) -> "Failure | None":
        key = key_of(pod)
        try:
            self.context.client.delete("pods", key.name, key.namespace, uid=pod["metadata"]["uid"])
        except NotFound:
            return None
        except ApiError as error:
            self.recorder.event(replicaset, "Warning", "FailedDelete", f"Error deleting: {error}")
            return Failure("FailedDelete", error)
        self.recorder.event(replicaset, "Normal", "SuccessfulDelete", f"Deleted pod: {key.name}")
        return None

    def _write_status(self, key: Key, status: Obj) -> None:
        """Write the status that the pods had when they were counted, if it says anything new."""
        client = self.context.client
        try:
            replicaset = client.get(self.resource, key.name, key.namespace)
        except NotFound:
            return
        if replicaset.get("status") != status:
            client.update(self.resource, {**replicaset, "status": status}, subresource="status")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why pods could not be created or deleted; `reason` is that of the condition ReplicaFailure."""

    reason: str
    error: ApiError


def slow_start(count: int) -> Iterator[int]:
    """Batches of 1, 2, 4 … that make up `count`: where creating fails, it fails for few pods."""
    batch = 1
    while count > 0:
        yield min(batch, count)
        count -= batch
        batch *= 2


def related_pods(client: Client, replicaset: Obj, own: Sequence[Obj]) -> Sequence[Obj]:
    """The active pods of all ReplicaSets with the same owner."""
    owner = controller_of(replicaset)
    if owner is None:
        return own
    namespace = replicaset["metadata"]["namespace"]
    family = {r["metadata"]["uid"] for r in client.list(RESOURCE, namespace) if (controller_of(r) or {}) == owner}
    pods = client.list("pods", namespace)
    return [p for p in pods if is_pod_active(p) and (controller_of(p) or {}).get("uid") in family]


def new_status(replicaset: Obj, pods: Sequence[Obj], failure: Failure | None, now: float) -> Obj:
    """The status that these pods make; zero counts are left out as Kubernetes leaves them out."""
    spec, active = replicaset["spec"], [p for p in pods if is_pod_active(p)]
    wanted = (spec["template"]["metadata"].get("labels") or {}).items()
    counts = {
        "fullyLabeledReplicas": sum(wanted <= labels_of(p).items() for p in active),
        "readyReplicas": sum(map(is_pod_ready, active)),
        "availableReplicas": sum(is_pod_available(p, spec.get("minReadySeconds", 0), now) for p in active),
    }
    return {
        "replicas": len(active),
        **{name: count for name, count in counts.items() if count},
        **_terminating(replicaset, pods),
        "observedGeneration": replicaset["metadata"]["generation"],
        **_conditions(replicaset, failure, now),
    }


def _terminating(replicaset: Obj, pods: Sequence[Obj]) -> Obj:
    """A ReplicationController does not tell."""
    if replicaset["kind"] == "ReplicationController":
        return {}
    return {"terminatingReplicas": sum(is_going(p) and not is_pod_finished(p) for p in pods)}


def _conditions(replicaset: Obj, failure: Failure | None, now: float) -> Obj:
    present = (replicaset.get("status") or {}).get("conditions") or []
    if failure is None:
        kept = [c for c in present if c["type"] != "ReplicaFailure"]
    elif condition(replicaset, "ReplicaFailure"):
        kept = present
    else:
        new = {"type": "ReplicaFailure", "status": "True", "reason": failure.reason, "message": str(failure.error)}
        kept = with_condition(present, new, now)
    return {"conditions": kept} if kept else {}


def soonest_available(pods: Sequence[Obj], min_ready_seconds: float, now: float) -> float | None:
    """When the next ready pod will have been ready for long enough; None if none is waiting for that."""
    waiting = (seconds_until_available(p, min_ready_seconds, now) for p in pods if is_pod_active(p))
    return min((seconds for seconds in waiting if seconds), default=None)
