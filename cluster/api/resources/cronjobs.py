"""CronJobs."""

import re
from collections.abc import Iterator
from zoneinfo import available_timezones

from cluster.api.field_errors import FieldError, invalid, not_one_of
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
_TZ = re.compile(r"^(CRON_)?TZ=\S+ +")
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
    before = {} if old is None else old["spec"]
    yield from check_required(spec, "spec", "schedule")
    if spec.get("schedule"):
        yield from _check_schedule(spec["schedule"], spec.get("timeZone"), kept="TZ" in before.get("schedule", ""))
    yield from check_not_negative(spec, "spec", "startingDeadlineSeconds")
    if spec.get("timeZone") != before.get("timeZone"):
        yield from _check_zone(spec.get("timeZone"))
    yield from check_enum(spec, "spec", "concurrencyPolicy", ("Allow", "Forbid", "Replace"))
    yield from _check_job(spec["jobTemplate"]["spec"], "spec.jobTemplate.spec")
    yield from check_not_negative(spec, "spec", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
    if old is None and len(name) > NAME_MAX:
        yield invalid("metadata.name", name, f"must be no more than {NAME_MAX} characters")


def _check_zone(zone: str | None) -> Iterator[FieldError]:
    if zone is None:
        return
    if zone == "":
        yield invalid("spec.timeZone", zone, "timeZone must be nil or non-empty string")
        return
    if zone.lower() == "local":
        why = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        yield invalid("spec.timeZone", zone, why)
    if zone not in available_timezones() and zone != "Local":
        yield invalid("spec.timeZone", zone, f"unknown time zone {zone}")


def _check_schedule(schedule: str, zone: str | None, *, kept: bool) -> Iterator[FieldError]:
    """`kept`: whether there was a time zone in it before, which may stay."""
    try:
        parse_schedule(_TZ.sub("", schedule))
    except ValueError as error:
        yield invalid("spec.schedule", schedule, str(error))
    if "TZ" in schedule and not kept:
        yield invalid("spec.schedule", schedule, NO_ZONE)
    elif "TZ" in schedule and zone is not None:
        yield invalid("spec.schedule", schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule")


def _check_job(spec: Obj, path: str) -> Iterator[FieldError]:
    yield from check_job_spec(spec, path)
    if spec.get("selector") is not None:
        yield invalid(f"{path}.selector", spec["selector"], "`selector` will be auto-generated")
    if spec.get("manualSelector"):
        yield not_one_of(f"{path}.manualSelector", True, ("nil", "false"))


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
