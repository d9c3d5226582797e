"""CronJobs."""

from collections.abc import Iterator
from zoneinfo import available_timezones

from cluster.api.field_errors import FieldError, invalid
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import check_enum, check_not_negative, check_required
from cluster.api.resources.jobs import check_job_spec, unsupported_job
from cluster.api.resources.pod_warnings import template_warnings
from cluster.api.resources.podspec import fill_template
from cluster.api.resources.templates import unsupported_template
from cluster.api.tables.jobs import CRON_JOBS
from cluster.client import NotImplementedHere, Obj
from cluster.cron import parse_schedule

NAME_MAX = 52
"""The names of its Jobs are eleven characters longer, and a Job's name is a label of its pods."""
NO_ZONE = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"


def fill(cron_job: Obj) -> None:
    spec = cron_job.setdefault("spec", {})
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    template = spec.setdefault("jobTemplate", {})
    template.setdefault("metadata", {})
    # What else a Job has by default it gets when it is made.
    fill_template(template.setdefault("spec", {}).setdefault("template", {}))


def rules(cron_job: Obj, old: Obj | None) -> Iterator[FieldError]:
    spec, name = cron_job["spec"], cron_job["metadata"].get("name", "")
    yield from check_required(spec, "spec", "schedule")
    yield from _check_times(spec)
    yield from check_enum(spec, "spec", "concurrencyPolicy", ("Allow", "Forbid", "Replace"))
    yield from check_job_spec(spec["jobTemplate"]["spec"], "spec.jobTemplate.spec")
    yield from check_not_negative(spec, "spec", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
    if old is None and len(name) > NAME_MAX:
        yield invalid("metadata.name", name, f"must be no more than {NAME_MAX} characters")


def _check_times(spec: Obj) -> Iterator[FieldError]:
    schedule, zone = spec.get("schedule", ""), spec.get("timeZone")
    if "TZ" in schedule:
        yield invalid("spec.schedule", schedule, NO_ZONE)
    else:
        yield from _check_schedule(schedule or "@hourly")
    yield from check_not_negative(spec, "spec", "startingDeadlineSeconds")
    if zone == "":
        yield invalid("spec.timeZone", zone, "timeZone must be nil or non-empty string")
    elif zone is not None and zone.lower() == "local":
        why = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        yield invalid("spec.timeZone", zone, why)
    elif zone is not None and zone not in available_timezones():
        yield invalid("spec.timeZone", zone, f"unknown time zone {zone}")


def _check_schedule(schedule: str) -> Iterator[FieldError]:
    try:
        parse_schedule(schedule)
    except ValueError as error:
        yield invalid("spec.schedule", schedule, str(error))


def unsupported(cron_job: Obj) -> Iterator[NotImplementedHere]:
    yield from unsupported_job(cron_job["spec"]["jobTemplate"]["spec"], "spec.jobTemplate.spec")
    yield from unsupported_template("spec", "jobTemplate", "spec", "template")(cron_job)


RESOURCE = Resource(
    group="batch",
    plural="cronjobs",
    kind="CronJob",
    short_names=("cj",),
    categories=("all",),
    subresources=("status",),
    table=CRON_JOBS,
    desired=spec_of,
    fill=fill,
    rules=rules,
    unsupported=unsupported,
    warnings=template_warnings("spec", "jobTemplate", "spec", "template"),
)
