"""Jobs and CronJobs."""

from cluster.api.tables.duration import age, human_duration, since
from cluster.api.tables.table import AGE, NAME, Cells, Column, Table, wide
from cluster.api.tables.text import NONE, containers_and_images, name, or_none
from cluster.client import Obj
from cluster.selectors import format_selector
from cluster.timestamps import parse_time

# The first of these that is true is what STATUS says.
_CONDITIONS = {
    "Complete": "Complete",
    "Failed": "Failed",
    "Suspended": "Suspended",
    "FailureTarget": "FailureTarget",
    "SuccessCriteriaMet": "SuccessCriteriaMet",
}


def job(obj: Obj, now: float) -> Cells:
    spec = obj.get("spec", {})
    return [
        name(obj),
        _status(obj),
        _completions(obj),
        _duration(obj, now),
        age(obj, now),
        *containers_and_images(spec.get("template", {})),
        format_selector(spec.get("selector")),
    ]


def _true(obj: Obj) -> set[str]:
    return {c["type"] for c in obj.get("status", {}).get("conditions") or () if c.get("status") == "True"}


def _status(obj: Obj) -> str:
    true = _true(obj)
    for type in ("Complete", "Failed"):
        if type in true:
            return type
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return next((text for type, text in _CONDITIONS.items() if type in true), "Running")


def _completions(obj: Obj) -> str:
    spec, done = obj.get("spec", {}), obj.get("status", {}).get("succeeded", 0)
    if spec.get("completions") is not None:
        return f"{done}/{spec['completions']}"
    parallel = spec.get("parallelism", 1)
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _duration(obj: Obj, now: float) -> str:
    status = obj.get("status", {})
    if not status.get("startTime"):
        return ""
    failed = [c.get("lastTransitionTime") for c in status.get("conditions") or () if c["type"] == "Failed"]
    end = status.get("completionTime") or next(iter(failed), None)
    return human_duration((parse_time(end) if end else now) - parse_time(status["startTime"]))


def cron_job(obj: Obj, now: float) -> Cells:
    spec, status = obj.get("spec", {}), obj.get("status", {})
    last = status.get("lastScheduleTime")
    return [
        name(obj),
        spec.get("schedule", ""),
        or_none(spec.get("timeZone")),
        str(bool(spec.get("suspend"))),
        len(status.get("active") or ()),
        since(last, now) if last else NONE,
        age(obj, now),
        *containers_and_images(spec.get("jobTemplate", {}).get("spec", {}).get("template", {})),
        format_selector(spec.get("jobTemplate", {}).get("spec", {}).get("selector")),
    ]


_WIDE = (wide("Containers"), wide("Images"), wide("Selector"))

JOBS = Table(
    (NAME, Column(name="Status"), Column(name="Completions"), Column(name="Duration"), AGE, *_WIDE),
    job,
)
CRON_JOBS = Table(
    (
        NAME,
        Column(name="Schedule"),
        Column(name="Timezone"),
        Column(name="Suspend", type="boolean"),
        Column(name="Active", type="integer"),
        Column(name="Last Schedule"),
        AGE,
        *_WIDE,
    ),
    cron_job,
)
