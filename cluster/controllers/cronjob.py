"""CronJobs: a Job at each time of the schedule, as the concurrency policy allows; old ones are forgotten.

Names, events and the limit of a hundred missed times as kube-controller-manager's cronjob controller (v2) has them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cluster.client import AlreadyExists, ApiError, Client, NotFound, Obj
from cluster.controllers.context import Context
from cluster.controllers.job import RESOURCE as JOBS
from cluster.controllers.job import is_over
from cluster.controllers.loop import Controller, own_key
from cluster.controllers.ownership import owners_of
from cluster.cron import Schedule, parse_schedule
from cluster.events import EventRecorder
from cluster.objects import (
    Key,
    controller_reference,
    created_at,
    is_condition_true,
    is_controlled_by,
    is_going,
    key_of,
    private_copy,
)
from cluster.timestamps import format_time, parse_time

RESOURCE = "cronjobs.batch"
SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
MISSED_MAX = 100
TOO_MANY = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
PATIENCE_SECONDS = 0.1
"""Timers may ring a little early."""


def controller(context: Context) -> Controller:
    reconciler = _Reconciler(context, context.client, context.recorder("cronjob-controller"))
    return Controller(
        name="cronjob", watches={RESOURCE: own_key, JOBS: owners_of("CronJob")}, reconcile=reconciler.reconcile
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context
    client: Client
    recorder: EventRecorder

    async def reconcile(self, key: Key) -> float | None:
        try:
            cron_job = self.client.get(RESOURCE, key.name, key.namespace)
        except NotFound:
            return None
        if is_going(cron_job):
            return None
        jobs = [j for j in self.client.list(JOBS, key.namespace) if is_controlled_by(j, cron_job)]
        now, status = self.context.clock(), dict(cron_job.get("status") or {})
        forgotten = self._forget(cron_job, jobs)
        gone = {job["metadata"]["uid"] for job in forgotten}
        _set_active(status, [r for r in status.get("active") or () if r["uid"] not in gone])
        self._note_finished(cron_job, [j for j in jobs if j["metadata"]["uid"] not in gone], status)
        if cron_job["spec"].get("suspend"):
            self._write_status(cron_job, status)
            return None
        due, following, missed = times(cron_job, now)
        if following is None:
            why = "time difference between two schedules is less than 1 second"
            said = f"invalid schedule: {cron_job['spec']['schedule']} : {why}"
            self.recorder.event(cron_job, "Warning", "InvalidSchedule", said)
        if due is not None:
            if missed > MISSED_MAX:
                self.recorder.event(cron_job, "Warning", "TooManyMissedTimes", TOO_MANY)
            self._run(cron_job, [j for j in jobs if not is_over(j)], due, status)
        self._write_status(cron_job, status)
        return None if following is None else max(0.0, following - self.context.clock())

    def _note_finished(self, cron_job: Obj, jobs: Sequence[Obj], status: Obj) -> None:
        known = {reference["uid"] for reference in status.get("active") or ()}
        for job in (j for j in jobs if is_over(j)):
            ended = job["status"].get("completionTime")
            if ended and ended > status.get("lastSuccessfulTime", ""):
                status["lastSuccessfulTime"] = ended
            if job["metadata"]["uid"] in known:
                how = "Complete" if is_condition_true(job, "Complete") else "Failed"
                said = f"Saw completed job: {job['metadata']['name']}, condition: {how}"
                self.recorder.event(cron_job, "Normal", "SawCompletedJob", said)
        here = {job["metadata"]["uid"] for job in jobs}
        for reference in (r for r in status.get("active") or () if r["uid"] not in here):
            self.recorder.event(cron_job, "Normal", "MissingJob", f"Active job went missing: {reference['name']}")
        running = sorted((j for j in jobs if not is_over(j) and not is_going(j)), key=created_at)
        for job in (j for j in running if j["metadata"]["uid"] not in known):
            said = f"Saw a job that the controller did not create or forgot: {job['metadata']['name']}"
            self.recorder.event(cron_job, "Warning", "UnexpectedJob", said)
        _set_active(status, [_reference(job) for job in running if job["metadata"]["uid"] in known])

    def _forget(self, cron_job: Obj, jobs: Sequence[Obj]) -> list[Obj]:
        """Delete the oldest of those that are over, beyond the limits; nobody is told how those ended."""
        forgotten = []
        limits = {"Complete": "successfulJobsHistoryLimit", "Failed": "failedJobsHistoryLimit"}
        for how, limit in limits.items():
            ended = sorted((j for j in jobs if is_condition_true(j, how) and not is_going(j)), key=created_at)
            for job in ended[: max(0, len(ended) - cron_job["spec"][limit])]:
                self._delete(cron_job, job)
                forgotten.append(job)
        return forgotten

    def _run(self, cron_job: Obj, running: Sequence[Obj], due: float, status: Obj) -> None:
        spec = cron_job["spec"]
        deadline = spec.get("startingDeadlineSeconds")
        if deadline is not None and due + deadline < self.context.clock():
            said = (
                f"Missed scheduled time to start a job: {datetime.fromtimestamp(due, UTC):%a, %d %b %Y %H:%M:%S} +0000"
            )
            self.recorder.event(cron_job, "Warning", "MissSchedule", said)
            return
        if name_for(cron_job, due) in {job["metadata"]["name"] for job in running}:
            return
        if running and spec["concurrencyPolicy"] == "Forbid":
            said = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self.recorder.event(cron_job, "Normal", "JobAlreadyActive", said)
            return
        if spec["concurrencyPolicy"] == "Replace":
            for job in running:
                self._delete(cron_job, job)
            _set_active(status, [])
        self._start(cron_job, due, status)

    def _start(self, cron_job: Obj, due: float, status: Obj) -> None:
        try:
            job = self.client.create(JOBS, job_for(cron_job, due), key_of(cron_job).namespace)
        except AlreadyExists:
            return
        except ApiError as error:
            self.recorder.event(cron_job, "Warning", "FailedCreate", f"Error creating job: {error}")
            raise
        self.recorder.event(cron_job, "Normal", "SuccessfulCreate", f"Created job {job['metadata']['name']}")
        _set_active(status, [*(status.get("active") or ()), _reference(job)])
        status["lastScheduleTime"] = format_time(due)

    def _delete(self, cron_job: Obj, job: Obj) -> None:
        key = key_of(job)
        try:
            self.client.delete(JOBS, key.name, key.namespace, uid=job["metadata"]["uid"], propagation="Background")
        except NotFound:
            return
        self.recorder.event(cron_job, "Normal", "SuccessfulDelete", f"Deleted job {key.name}")

    def _write_status(self, cron_job: Obj, status: Obj) -> None:
        if status != (cron_job.get("status") or {}):
            self.client.update(RESOURCE, {**cron_job, "status": status}, subresource="status")


class Times(NamedTuple):
    """Seconds since 1970; None where there is none."""

    due: float | None
    """The latest time that has come and has not been served."""
    following: float | None
    missed: int
    """About how many have come since the last that was served."""


def times(cron_job: Obj, now: float) -> Times:
    """What the schedule says, seen from now. Pure."""
    spec, zone = cron_job["spec"], ZoneInfo(cron_job["spec"].get("timeZone") or "UTC")
    schedule, moment = parse_schedule(spec["schedule"]), datetime.fromtimestamp(now + PATIENCE_SECONDS, zone)
    last = (cron_job.get("status") or {}).get("lastScheduleTime")
    since = parse_time(last) if last else created_at(cron_job)
    if spec.get("startingDeadlineSeconds") is not None:
        since = max(since, now - spec["startingDeadlineSeconds"])
    due, missed = _latest(schedule, datetime.fromtimestamp(since, zone), moment)
    following = schedule.after(moment)
    return Times(due.timestamp() if due else None, following.timestamp() if following else None, missed)


def _latest(schedule: Schedule, since: datetime, moment: datetime) -> tuple[datetime | None, int]:
    """The last time after `since` that has come, and how many: by the first interval, for there may be many."""
    first = schedule.after(since)
    if first is None or first > moment:
        return None, 0
    second = schedule.after(first)
    if second is None or second > moment:
        return first, 1
    missed = (moment - first) // (second - first) + 1
    due, following = None, schedule.after(first + (missed - 2) * (second - first))
    while following is not None and following <= moment:
        due, following = following, schedule.after(following)
    return due, missed


def name_for(cron_job: Obj, due: float) -> str:
    """Tells the minute, so that no time is served twice."""
    return f"{cron_job['metadata']['name']}-{int(due) // 60}"


def job_for(cron_job: Obj, due: float) -> Obj:
    """The Job of that time. Pure."""
    template = private_copy(cron_job["spec"]["jobTemplate"])
    metadata = template.get("metadata") or {}
    zone = ZoneInfo(cron_job["spec"].get("timeZone") or "UTC")
    at = datetime.fromtimestamp(due, zone).isoformat().replace("+00:00", "Z")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name_for(cron_job, due),
            "labels": metadata.get("labels") or {},
            "annotations": {**(metadata.get("annotations") or {}), SCHEDULED_AT: at},
            "ownerReferences": [controller_reference(cron_job)],
        },
        "spec": template["spec"],
    }


def _set_active(status: Obj, references: list[Obj]) -> None:
    status.pop("active", None)
    if references:
        status["active"] = references


def _reference(job: Obj) -> Obj:
    key = key_of(job)
    found = {"kind": "Job", "namespace": key.namespace, "name": key.name, "uid": job["metadata"]["uid"]}
    return {**found, "apiVersion": "batch/v1", "resourceVersion": job["metadata"]["resourceVersion"]}
