"""Deployments: one ReplicaSet a pod template, rolled from the old ones to the new one; revisions, pause, scaling.

Sizes are decided in `rollout`, the status in `deployment_status`; here is the order of things, as in
kube-controller-manager: one step a reconciliation (up, else down), then the status.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cluster.client import AlreadyExists, ApiError, Client, NotFound, Obj, WatchEvent
from cluster.controllers import deployment_status as statuses
from cluster.controllers import rollout
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller, KeysOf, own_key
from cluster.controllers.ownership import claim, owners_or_candidates
from cluster.controllers.rollout import DESIRED, HISTORY, MAX, REVISION, replicas_of
from cluster.controllers.template_hash import HASH_LABEL, template_hash, without_hash
from cluster.events import EventRecorder
from cluster.objects import (
    Key,
    annotations_of,
    condition,
    controller_of,
    controller_reference,
    is_going,
    is_pod_finished,
    key_of,
    private_copy,
    uid_of,
)

RESOURCE = "deployments.apps"
REPLICASETS = "replicasets.apps"

# Annotations of the Deployment that are about itself alone.
_NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        HISTORY,
        DESIRED,
        MAX,
        "deprecated.deployment.rollback.to",
    }
)


def controller(context: Context) -> Controller:
    reconciler = _Reconciler(context, context.client, context.recorder("deployment-controller"))
    return Controller(
        name="deployment",
        watches={
            RESOURCE: own_key,
            REPLICASETS: owners_or_candidates(context.client, "Deployment", RESOURCE),
            "pods": _recreating(context.client),
        },
        reconcile=reconciler.reconcile,
    )


@dataclass(frozen=True, slots=True)
class _Family:
    """A Deployment and its ReplicaSets; `new` is the one of its present template."""

    deployment: Obj
    new: Obj | None
    old: Sequence[Obj]

    @property
    def all(self) -> list[Obj]:
        return [*self.old, self.new] if self.new is not None else list(self.old)


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context
    client: Client
    recorder: EventRecorder

    async def reconcile(self, key: Key) -> float | None:
        try:
            deployment = self.client.get(RESOURCE, key.name, key.namespace)
        except NotFound:
            return None
        family = _family(deployment, claim(self.client, REPLICASETS, deployment))
        if is_going(deployment):
            self._write_status(family, progress=False)
            return None
        family = self._note_pause(family)
        if deployment["spec"].get("paused") or _is_scaling(family):
            self._scale(family)
        elif rollout.is_rolling(deployment):
            self._roll(family)
        else:
            self._recreate(family)
        return self._seconds_to_deadline(key)

    def _seconds_to_deadline(self, key: Key) -> float | None:
        deployment = self.client.get(RESOURCE, key.name, key.namespace)
        if deployment["spec"].get("paused"):
            return None
        return statuses.seconds_to_deadline(deployment, self.context.clock())

    # Three ways to change sizes

    def _roll(self, family: _Family) -> None:
        family = self._with_new(family)
        new, deployment = _known(family.new), family.deployment
        if self._resize(deployment, [(new, rollout.new_size(deployment, family.all, replicas_of(new)))]):
            self._write_status(self._fresh(family))
            return
        shrunk = self._resize(deployment, rollout.old_sizes(deployment, new, family.old))
        family = self._fresh(family) if shrunk else family
        if not shrunk:
            self._forget_history(family)
        self._write_status(family)

    def _recreate(self, family: _Family) -> None:
        family = self._with_revision(family)
        if self._resize(family.deployment, [(r, 0) for r in family.old]) or self._is_old_running(family):
            self._write_status(self._fresh(family))
            return
        family = self._with_new(family)
        self._resize(family.deployment, [(_known(family.new), replicas_of(family.deployment))])
        self._forget_history(family)
        self._write_status(self._fresh(family))

    def _scale(self, family: _Family) -> None:
        """Paused, or scaled by somebody: sizes follow, templates do not."""
        family = self._with_revision(family)
        self._resize(family.deployment, _scaled_sizes(family))
        if family.deployment["spec"].get("paused"):
            self._forget_history(family)
        self._write_status(self._fresh(family), progress=False)

    # The new ReplicaSet

    def _with_new(self, family: _Family) -> _Family:
        if family.new is not None:
            return self._with_revision(family)
        new = self._create_new(family)
        self._set_revision(family.deployment, annotations_of(new)[REVISION], "NewReplicaSetCreated", "Created new", new)
        return self._fresh(family)

    def _with_revision(self, family: _Family) -> _Family:
        """The existing new ReplicaSet has the highest revision, and the Deployment's annotations."""
        if family.new is None:
            return family
        wanted = _annotations(family, _next_revision(family))
        if wanted != annotations_of(family.new) or _ready_seconds(family.new) != _ready_seconds(family.deployment):
            changed = private_copy(family.new)
            changed["metadata"]["annotations"] = wanted
            changed["spec"].pop("minReadySeconds", None)
            changed["spec"] |= _min_ready(family.deployment)
            self.client.update(REPLICASETS, changed)
        self._set_revision(family.deployment, wanted[REVISION], "FoundNewReplicaSet", "Found new", family.new)
        return self._fresh(family)

    def _create_new(self, family: _Family) -> Obj:
        deployment = family.deployment
        replicaset = _new_replicaset(family)
        try:
            created = self.client.create(REPLICASETS, replicaset, key_of(deployment).namespace)
        except AlreadyExists:
            self._count_collision(deployment)
            raise
        except ApiError as error:
            self._write_condition(deployment, statuses.progressing("False", "ReplicaSetCreateError", str(error)))
            self.recorder.event(
                deployment,
                "Warning",
                "ReplicaSetCreateError",
                f'Failed to create new replica set "{replicaset["metadata"]["name"]}": {error}',
            )
            raise
        if size := replicas_of(created):
            self._tell_scaling(deployment, created, 0, size)
        return created

    def _count_collision(self, deployment: Obj) -> None:
        changed = private_copy(deployment)
        status = changed.setdefault("status", {})
        status["collisionCount"] = status.get("collisionCount", 0) + 1
        self.client.update(RESOURCE, changed, subresource="status")

    def _set_revision(self, deployment: Obj, revision: str, reason: str, found: str, new: Obj) -> None:
        name = new["metadata"]["name"]
        tell = statuses.has_deadline(deployment) and (
            reason == "NewReplicaSetCreated" or condition(deployment, "Progressing") is None
        )
        if annotations_of(deployment).get(REVISION) == revision and not tell:
            return
        changed = private_copy(deployment)
        changed["metadata"].setdefault("annotations", {})[REVISION] = revision
        if tell:
            _set_condition(
                changed, statuses.progressing("True", reason, f'{found} replica set "{name}"'), self.context.clock()
            )
        self.client.update(RESOURCE, changed, subresource="status")

    # Changes

    def _resize(self, deployment: Obj, sizes: rollout.Sizes) -> bool:
        """Write what differs; whether any size did."""
        changed = [self._resize_one(deployment, replicaset, size) for replicaset, size in sizes]
        return any(changed)

    def _resize_one(self, deployment: Obj, replicaset: Obj, size: int) -> bool:
        before = replicas_of(replicaset)
        notes = _size_notes(deployment)
        if before == size and (size == 0 or notes.items() <= annotations_of(replicaset).items()):
            return False
        changed = private_copy(replicaset)
        changed["spec"]["replicas"] = size
        changed["metadata"].setdefault("annotations", {}).update(notes)
        self.client.update(REPLICASETS, changed)
        if before != size:
            self._tell_scaling(deployment, replicaset, before, size)
        return before != size

    def _tell_scaling(self, deployment: Obj, replicaset: Obj, before: int, after: int) -> None:
        way = "up" if after > before else "down"
        what = f"Scaled {way} replica set {replicaset['metadata']['name']} from {before} to {after}"
        self.recorder.event(deployment, "Normal", "ScalingReplicaSet", what)

    def _forget_history(self, family: _Family) -> None:
        """Delete the oldest empty ReplicaSets beyond revisionHistoryLimit, once the rollout is done."""
        deployment = family.deployment
        status = statuses.counted(deployment, family.new, family.all, self.context.clock())
        if not (deployment["spec"].get("paused") or statuses.is_complete(deployment, status)):
            return
        alive = [r for r in family.old if not is_going(r)]
        surplus = len(alive) - deployment["spec"].get("revisionHistoryLimit", 10)
        for replicaset in sorted(alive, key=_revision)[: max(0, surplus)]:
            if _is_empty(replicaset):
                self.client.delete(REPLICASETS, *reversed(key_of(replicaset)), uid=uid_of(replicaset))

    # Status

    def _note_pause(self, family: _Family) -> _Family:
        deployment = family.deployment
        current = condition(deployment, "Progressing")
        if not statuses.has_deadline(deployment) or (current and current["reason"] == "ProgressDeadlineExceeded"):
            return family
        paused, noted = (
            bool(deployment["spec"].get("paused")),
            bool(current and current["reason"] == "DeploymentPaused"),
        )
        if paused and not noted:
            self._write_condition(
                deployment, statuses.progressing("Unknown", "DeploymentPaused", "Deployment is paused")
            )
        elif noted and not paused:
            self._write_condition(
                deployment, statuses.progressing("Unknown", "DeploymentResumed", "Deployment is resumed")
            )
        return self._fresh(family)

    def _write_condition(self, deployment: Obj, new: Obj) -> None:
        changed = private_copy(deployment)
        _set_condition(changed, new, self.context.clock())
        self.client.update(RESOURCE, changed, subresource="status")

    def _write_status(self, family: _Family, *, progress: bool = True) -> None:
        deployment, now = family.deployment, self.context.clock()
        status = statuses.counted(deployment, family.new, family.all, now)
        if progress:
            status = statuses.progressed(deployment, status, family.new, family.all, now)
        if status != deployment.get("status"):
            self.client.update(RESOURCE, {**deployment, "status": status}, subresource="status")

    def _fresh(self, family: _Family) -> _Family:
        """The family as it is in the API after our own writes."""
        key = key_of(family.deployment)
        deployment = self.client.get(RESOURCE, key.name, key.namespace)
        return _family(deployment, claim(self.client, REPLICASETS, deployment))

    def _is_old_running(self, family: _Family) -> bool:
        """Whether pods of old templates still run, going ones included: Recreate waits for the last of them."""
        old = {uid_of(r) for r in family.old}
        pods = self.client.list("pods", key_of(family.deployment).namespace)
        return any((controller_of(p) or {}).get("uid") in old and not is_pod_finished(p) for p in pods)


def _recreating(client: Client) -> KeysOf:
    """When a pod is gone for good, a Deployment that recreates may have waited for it."""

    def keys(event: WatchEvent) -> Iterable[Key]:
        if event.type != "DELETED":
            return ()
        deployments = client.list(RESOURCE, event.object["metadata"]["namespace"])
        return (key_of(d) for d in deployments if not rollout.is_rolling(d))

    return keys


def _family(deployment: Obj, replicasets: Sequence[Obj]) -> _Family:
    template = without_hash(deployment["spec"]["template"])
    same = [r for r in rollout.oldest_first(replicasets) if without_hash(r["spec"]["template"]) == template]
    new = same[0] if same else None
    return _Family(deployment, new, [r for r in replicasets if r is not new])


def _known(new: Obj | None) -> Obj:
    if new is None:
        raise LookupError(
            "a Deployment has no new ReplicaSet right after it was created; its template was changed meanwhile"
        )
    return new


def _new_replicaset(family: _Family) -> Obj:
    deployment = family.deployment
    spec = deployment["spec"]
    hash = template_hash(spec["template"], (deployment.get("status") or {}).get("collisionCount", 0))
    labels = {**(spec["template"]["metadata"].get("labels") or {}), HASH_LABEL: hash}
    selector = {**spec["selector"], "matchLabels": {**(spec["selector"].get("matchLabels") or {}), HASH_LABEL: hash}}
    template = {**spec["template"], "metadata": {**spec["template"]["metadata"], "labels": labels}}
    body: Obj = {
        "replicas": rollout.new_size(deployment, family.old, 0),
        "selector": selector,
        "template": template,
        **_min_ready(deployment),
    }
    metadata = {
        "name": f"{deployment['metadata']['name']}-{hash}",
        "labels": labels,
        "annotations": _annotations(family, _next_revision(family)),
        "ownerReferences": [controller_reference(deployment)],
    }
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": body}


def _annotations(family: _Family, revision: int) -> dict[str, str]:
    """The annotations of the new ReplicaSet: its own, the Deployment's, its revision and those it had before."""
    present = annotations_of(family.new) if family.new is not None else {}
    copied = {k: v for k, v in annotations_of(family.deployment).items() if k not in _NOT_COPIED}
    annotations = {**present, **copied}
    before = int(present.get(REVISION, 0))
    if revision <= before:
        return annotations
    if before:
        annotations[HISTORY] = ",".join(filter(None, (present.get(HISTORY), str(before))))
    annotations[REVISION] = str(revision)
    return annotations | ({} if family.new is not None else _size_notes(family.deployment))


def _size_notes(deployment: Obj) -> dict[str, str]:
    wanted = replicas_of(deployment)
    return {DESIRED: str(wanted), MAX: str(wanted + rollout.max_surge(deployment))}


def _next_revision(family: _Family) -> int:
    return max(map(_revision, family.old), default=0) + 1


def _revision(replicaset: Obj) -> int:
    return int(annotations_of(replicaset).get(REVISION, 0))


def _min_ready(deployment: Obj) -> Obj:
    """The field, where it is set: zero is not written."""
    seconds = _ready_seconds(deployment)
    return {"minReadySeconds": seconds} if seconds else {}


def _ready_seconds(obj: Obj) -> int:
    return int(obj["spec"].get("minReadySeconds", 0))


def _is_empty(replicaset: Obj) -> bool:
    status = replicaset.get("status") or {}
    seen = status.get("observedGeneration", 0) >= replicaset["metadata"]["generation"]
    return seen and replicas_of(replicaset) == 0 and status.get("replicas", 0) == 0


def _is_scaling(family: _Family) -> bool:
    """Whether spec.replicas was changed since sizes were last written."""
    wanted = str(replicas_of(family.deployment))
    return any(annotations_of(r).get(DESIRED, wanted) != wanted for r in family.all if replicas_of(r) > 0)


def _scaled_sizes(family: _Family) -> rollout.Sizes:
    wanted = replicas_of(family.deployment)
    active = [r for r in family.all if replicas_of(r) > 0]
    if len(active) <= 1:
        newest = active or ([family.new] if family.new else rollout.oldest_first(family.old)[-1:])
        return [(r, wanted) for r in newest]
    if family.new is not None and _is_saturated(family.new, wanted):
        return [(r, 0) for r in family.old]
    return rollout.proportional_sizes(family.deployment, active) if rollout.is_rolling(family.deployment) else []


def _is_saturated(new: Obj, wanted: int) -> bool:
    return annotations_of(new).get(DESIRED) == str(wanted) and replicas_of(new) == wanted == rollout.available_of(new)


def _set_condition(deployment: Obj, new: Obj, now: float) -> None:
    status = deployment.setdefault("status", {})
    status["conditions"] = statuses.set_condition(status.get("conditions"), new, now)
