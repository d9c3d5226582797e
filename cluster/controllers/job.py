"""Jobs: pods until enough have succeeded or too many have failed; events and status as recorded in `job-failing`."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice, repeat

from cluster.client import ApiError, Client, NotFound, Obj
from cluster.controllers.context import Context
from cluster.controllers.job_indexes import INDEX, failure_notes, format_indexes
from cluster.controllers.job_plan import FINALIZER, NONE, Failures, Outcome, Plan
from cluster.controllers.loop import Controller, own_key
from cluster.controllers.ownership import claim, owners_or_candidates
from cluster.controllers.replicaset import slow_start
from cluster.events import EventRecorder
from cluster.objects import (
    Key,
    controller_of,
    created_at,
    is_condition_true,
    is_going,
    is_pod_ready,
    key_of,
    pod_from_template,
    with_condition,
)
from cluster.timestamps import format_time

RESOURCE = "jobs.batch"


def controller(context: Context) -> Controller:
    reconciler = _Reconciler(context, context.client, context.recorder("job-controller"))
    return Controller(
        name="job",
        watches={RESOURCE: own_key, "pods": owners_or_candidates(context.client, "Job", RESOURCE)},
        reconcile=reconciler.reconcile,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context
    client: Client
    recorder: EventRecorder
    failures: dict[Key, Failures] = field(default_factory=dict)
    """Of each Job: pods that failed count for the next one's wait when they are gone, too."""

    async def reconcile(self, key: Key) -> float | None:
        try:
            job = self.client.get(RESOURCE, key.name, key.namespace)
        except NotFound:
            self.failures.pop(key, None)
            self._let_go(p for p in self.client.list("pods", key.namespace) if _belonged_to(p, key.name))
            return None
        past = self.failures.get(key, NONE)
        plan = Plan(job, claim(self.client, "pods", job), self.context.clock(), past)
        if is_over(job) or is_going(job):
            self.failures.pop(key, None)
            self._let_go(plan.pods)
            return None
        outcome = plan.outcome()
        if outcome is not None:
            self._delete(job, plan.active, counted=True)
        status = self._count(plan, outcome)
        self.failures[key] = plan.failures
        wait = None if outcome is not None else await self._manage(plan)
        self._tell(job, status, outcome)
        return wait

    def _count(self, plan: Plan, outcome: Outcome | None) -> Obj:
        """Write down what has ended, then let those pods go: nothing is counted twice, and nothing is missed."""
        status = new_status(plan, outcome)
        if status != plan.status:
            self.client.update(RESOURCE, {**plan.job, "status": status}, subresource="status")
        self._let_go([*plan.counted, *(plan.active if outcome else ())])
        return status

    def _tell(self, job: Obj, status: Obj, outcome: Outcome | None) -> None:
        if outcome is not None and is_over({"status": status}):
            if outcome.succeeded:
                self.recorder.event(job, "Normal", "Completed", "Job completed")
            else:
                self.recorder.event(job, "Warning", outcome.reason, outcome.message)
        elif is_condition_true({"status": status}, "Suspended") != is_condition_true(job, "Suspended"):
            said = "Suspended" if job["spec"].get("suspend") else "Resumed"
            self.recorder.event(job, "Normal", said, f"Job {said.lower()}")

    async def _manage(self, plan: Plan) -> float | None:
        missing = plan.missing()
        if missing < 0:
            latest_first = sorted(plan.active, key=lambda p: (is_pod_ready(p), -created_at(p)))
            self._delete(plan.job, latest_first[:-missing], counted=False)
        elif missing > 0 and (seconds := plan.backoff_seconds()) > 0:
            return _soonest(seconds, plan.seconds_left())
        elif missing > 0:
            await self._create(plan, missing)
        return plan.seconds_left()

    async def _create(self, plan: Plan, count: int) -> None:
        indexes: Iterator[int | None] = plan.free_indexes() if plan.is_indexed else repeat(None)
        for batch in slow_start(count):
            for index in islice(indexes, batch):
                self._create_one(plan, index)
                await asyncio.sleep(0)

    def _create_one(self, plan: Plan, index: int | None) -> None:
        job = plan.job
        try:
            made = self.client.create("pods", pod_for(plan, index), key_of(job).namespace)
        except ApiError as error:
            self.recorder.event(job, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self.recorder.event(job, "Normal", "SuccessfulCreate", f"Created pod: {made['metadata']['name']}")

    def _delete(self, job: Obj, pods: Iterable[Obj], *, counted: bool) -> None:
        """Pods that are in excess are not counted as failed; those that end with their Job are."""
        for pod in pods:
            key = key_of(pod)
            if not counted:
                self._let_go([pod])
            try:
                self.client.delete("pods", key.name, key.namespace, uid=pod["metadata"]["uid"])
            except NotFound:
                continue
            self.recorder.event(job, "Normal", "SuccessfulDelete", f"Deleted pod: {key.name}")

    def _let_go(self, pods: Iterable[Obj]) -> None:
        for pod in pods:
            key, finalizers = key_of(pod), pod["metadata"].get("finalizers") or []
            if FINALIZER in finalizers:
                kept = [name for name in finalizers if name != FINALIZER]
                patch = {"metadata": {"uid": pod["metadata"]["uid"], "finalizers": kept or None}}
                try:
                    self.client.patch("pods", key.name, key.namespace, patch)
                except NotFound:
                    continue


def is_over(job: Obj) -> bool:
    """Whether the Job has completed or failed for good."""
    return is_condition_true(job, "Complete") or is_condition_true(job, "Failed")


def new_status(plan: Plan, outcome: Outcome | None) -> Obj:
    """The status that these pods make; zero counts are left out where Kubernetes leaves them out. Pure."""
    active = [] if outcome else plan.active
    ending = len(plan.terminating) + (len(plan.active) if outcome else 0)
    is_suspended = bool(plan.spec.get("suspend"))
    failed = plan.failed + (len(plan.active) if outcome and not outcome.succeeded else 0)
    counts = {"active": len(active), "succeeded": plan.succeeded, "failed": failed}
    times = {"startTime": None if is_suspended else plan.status.get("startTime") or format_time(plan.now)}
    is_done = outcome is not None and ending == 0
    if outcome and outcome.succeeded and is_done:
        times["completionTime"] = format_time(plan.now)
    indexes = format_indexes(plan.done_indexes) if plan.is_indexed else ""
    conditions = _conditions(plan, outcome, is_done=is_done)
    return {
        **({"conditions": conditions} if conditions else {}),
        **{name: at for name, at in times.items() if at},
        **{name: count for name, count in counts.items() if count},
        "terminating": ending,
        **({"completedIndexes": indexes} if indexes else {}),
        **({"failedIndexes": format_indexes(plan.failed_indexes)} if plan.index_limit is not None else {}),
        "uncountedTerminatedPods": {},
        "ready": sum(map(is_pod_ready, active)),
    }


def pod_for(plan: Plan, index: int | None) -> Obj:
    """A pod of the Job; of an Indexed one with its index in name, annotation, host name and environment. Pure."""
    job = plan.job
    name = job["metadata"]["name"]
    pod = pod_from_template(job["spec"]["template"], job, f"{name}-" if index is None else f"{name}-{index}-")
    pod["metadata"].setdefault("finalizers", []).append(FINALIZER)
    if index is None:
        return pod
    for kind in ("annotations", "labels"):
        pod["metadata"].setdefault(kind, {})[INDEX] = str(index)
    if plan.index_limit is not None:
        pod["metadata"]["annotations"] |= failure_notes(*plan.index_failures(index))
    pod["spec"].setdefault("hostname", f"{name}-{index}")
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    for container in (*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())):
        container.setdefault("env", []).append({"name": "JOB_COMPLETION_INDEX", "valueFrom": source})
    return pod


def _conditions(plan: Plan, outcome: Outcome | None, *, is_done: bool) -> list[Obj]:
    present: list[Obj] = plan.status.get("conditions") or []
    if outcome is not None:
        first, last = ("SuccessCriteriaMet", "Complete") if outcome.succeeded else ("FailureTarget", "Failed")
        for type in (first, last) if is_done else (first,):
            present = _added(present, type, "True", outcome.reason, outcome.message, plan.now)
    elif plan.spec.get("suspend"):
        present = _added(present, "Suspended", "True", "JobSuspended", "Job suspended", plan.now)
    elif is_condition_true(plan.job, "Suspended"):
        present = _added(present, "Suspended", "False", "JobResumed", "Job resumed", plan.now)
    return present


def _added(present: list[Obj], type: str, status: str, reason: str, message: str, now: float) -> list[Obj]:
    if any((c["type"], c["status"]) == (type, status) for c in present):
        return present
    new = {"type": type, "status": status, "lastProbeTime": format_time(now), "reason": reason, "message": message}
    return with_condition(present, new, now)


def _belonged_to(pod: Obj, job: str) -> bool:
    owner = controller_of(pod)
    return owner is not None and (owner["kind"], owner["name"]) == ("Job", job)


def _soonest(seconds: float, other: float | None) -> float:
    return seconds if other is None else min(seconds, other)
