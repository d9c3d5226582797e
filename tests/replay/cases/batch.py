"""Jobs that count by index, stop early, rest and go on; CronJobs whose hour has struck."""

from asyncio import sleep
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.replay.case import Obj, case, shell
from tests.replay.stage import Stage


def _job(name: str, script: str, *, restart: str = "Never", **spec: Any) -> Obj:
    pod = {"restartPolicy": restart, "terminationGracePeriodSeconds": 1, "containers": [shell("j", script)]}
    whole = {"template": {"spec": pod}, **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": whole}


def _indexed(name: str, script: str, completions: int, **spec: Any) -> Obj:
    more = {"completions": completions, "parallelism": completions, "completionMode": "Indexed", **spec}
    return _job(name, script, **more)


def _fails_at(*indexes: int, code: int = 1) -> str:
    return f"sleep 2; case $JOB_COMPLETION_INDEX in {'|'.join(map(str, indexes))}) exit {code};; esac"


def _is_over(job: Obj) -> bool:
    ends = {"Complete", "Failed"}
    return any(c["type"] in ends and c["status"] == "True" for c in job.get("status", {}).get("conditions", ()))


RULE = {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [42]}}
ODD_JOBS: dict[str, Obj] = {
    "not-indexed": {"backoffLimitPerIndex": 1},
    "no-limit": {"completions": 1, "completionMode": "Indexed", "maxFailedIndexes": 1},
    "too-many": {"completions": 1, "completionMode": "Indexed", "backoffLimitPerIndex": 1, "maxFailedIndexes": 2},
    "no-rule": {"completions": 1, "completionMode": "Indexed", "successPolicy": {"rules": []}},
    "out-of-range": {
        "completions": 2,
        "completionMode": "Indexed",
        "successPolicy": {"rules": [{"succeededIndexes": "0-5"}, {"succeededCount": 3}, {}]},
    },
    "rule-alone": {"podFailurePolicy": {"rules": [RULE]}},
    "replaces-late": {
        "podReplacementPolicy": "TerminatingOrFailed",
        "podFailurePolicy": {"rules": [{**RULE, "action": "Count"}]},
    },
}


ODD_CRON_JOBS: dict[str, Obj] = {
    "odd-policy": {"concurrencyPolicy": "Sometimes"},
    "odd-zone": {"timeZone": "Europe/Nowhere"},
    "zone-in-schedule": {"schedule": "TZ=UTC 0 * * * *"},
    "local": {"timeZone": "Local"},
    "too-few": {"schedule": "* * * *"},
    "below-zero": {"startingDeadlineSeconds": -1, "successfulJobsHistoryLimit": -1},
    "a-name-that-is-too-long-for-the-jobs-that-it-would-have-to-make": {},
}


@case("job-index-policies")
async def indexes(stage: Stage) -> None:
    """Each index fails for itself, or all for one; and enough may be enough."""
    outlast = "sleep 2; test $JOB_COMPLETION_INDEX -lt {} || sleep 600"
    jobs = [
        _indexed("each", _fails_at(1, 3), 4, backoffLimitPerIndex=0),
        _indexed("capped", _fails_at(0, 1) + "; sleep 600", 4, backoffLimitPerIndex=0, maxFailedIndexes=1),
        _indexed("by-rule", _fails_at(1, code=42), 2, backoffLimitPerIndex=3, podFailurePolicy={"rules": [RULE]}),
        _indexed("first-counts", outlast.format(1), 3, successPolicy={"rules": [{"succeededIndexes": "0"}]}),
        _indexed("any-two", outlast.format(2), 3, successPolicy={"rules": [{"succeededCount": 2}]}),
    ]
    await stage.apply(*jobs)
    await stage.until(f"/apis/batch/v1/namespaces/{stage.namespace}/jobs", 5, _is_over)
    await sleep(1)
    await stage.kubectl("get", "jobs")
    await stage.kubectl("get", "pods")
    await stage.kubectl("get", "jobs", "-o", "yaml")
    await stage.kubectl("describe", "jobs")
    await stage.kubectl("get", "events")
    for name, spec in ODD_JOBS.items():
        await stage.create(_job(name, "true", **spec))


@case("job-changes")
async def changes(stage: Stage) -> None:
    """Suspended while it runs, resumed, widened; pods deleted under it."""
    obeys = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
    await stage.apply(
        _job("rests", obeys, parallelism=2, completions=2),
        _job("widens", "sleep 600", parallelism=1, completions=4),
        _job("replaces", "sleep 600"),
        _job("waits", "sleep 600", podReplacementPolicy="Failed"),
        _indexed("grows", "sleep 600", 2),
    )
    await stage.until_ready(7)
    await sleep(1)
    await stage.kubectl("patch", "job", "rests", "-p", '{"spec":{"suspend":true}}')
    await stage.kubectl("patch", "job", "widens", "-p", '{"spec":{"parallelism":3}}')
    await stage.kubectl("patch", "job", "grows", "-p", '{"spec":{"completions":3,"parallelism":3}}')
    await stage.kubectl("patch", "job", "widens", "-p", '{"spec":{"completions":5}}')
    for name in ("replaces", "waits"):
        await stage.kubectl("delete", "pod", "-l", f"job-name={name}", "--wait=false")
    await sleep(3)
    await stage.kubectl("get", "jobs")
    await stage.kubectl("get", "pods")
    await stage.kubectl("patch", "job", "rests", "-p", '{"spec":{"suspend":false}}')
    await stage.kubectl("patch", "job", "widens", "-p", '{"spec":{"parallelism":0}}')
    await sleep(2)
    await stage.kubectl("get", "jobs")
    await stage.kubectl("get", "jobs", "-o", "yaml")
    await stage.kubectl("describe", "jobs")
    await stage.kubectl("get", "events")


def _cron(name: str, script: str, schedule: str = "0 * * * *", **spec: Any) -> Obj:
    template = {"spec": _job(name, script)["spec"]}
    whole = {"schedule": schedule, "jobTemplate": template, "suspend": True, **spec}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": whole}


async def _let_time_pass(stage: Stage, name: str, hours: int) -> None:
    """As if it had last run so many hours ago."""
    then = (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
    path = f"/apis/batch/v1/namespaces/{stage.namespace}/cronjobs/{name}/status"
    merge = {"Content-Type": "application/merge-patch+json"}
    async with stage.session.patch(path, json={"status": {"lastScheduleTime": then}}, headers=merge) as answer:
        assert answer.status == 200, await answer.text()


async def _well_before_the_next(period: timedelta) -> None:
    """No schedule comes due while the case goes on."""
    left = period.total_seconds() - datetime.now(UTC).timestamp() % period.total_seconds()
    await sleep(left if left < 30 else 0)


@case("cronjob-policies")
async def policies(stage: Stage) -> None:
    """Hours that were missed are made up for once, or not at all."""
    await _well_before_the_next(timedelta(minutes=5))
    names = ("plain", "late", "often", "keeps-none", "forbids", "replaces")
    await stage.apply(
        _cron("plain", "true"),
        _cron("late", "true", startingDeadlineSeconds=1),
        _cron("often", "true", "*/5 * * * *"),
        _cron("keeps-none", "true", successfulJobsHistoryLimit=0, failedJobsHistoryLimit=0),
        _cron("forbids", "sleep 600", concurrencyPolicy="Forbid"),
        _cron("replaces", "sleep 600", concurrencyPolicy="Replace"),
        _cron("abroad", "true", timeZone="Europe/Berlin"),
    )
    for name in names:
        await _let_time_pass(stage, name, 11 if name == "often" else 3)
        await stage.kubectl("patch", "cronjob", name, "-p", '{"spec":{"suspend":false}}')
    await sleep(5)
    await stage.kubectl("get", "cronjobs", "-o", "custom-columns=NAME:.metadata.name,ACTIVE:.status.active[*].kind")
    await stage.kubectl("get", "jobs")
    for name in ("forbids", "replaces"):
        await stage.kubectl("patch", "cronjob", name, "-p", '{"spec":{"schedule":"30 * * * *"}}')
        await _let_time_pass(stage, name, 3)
    await sleep(3)
    await stage.kubectl("get", "jobs")
    await stage.kubectl("describe", "cronjobs")
    await stage.kubectl("get", "events")
    for name, spec in ODD_CRON_JOBS.items():
        await stage.create(_cron(name, "true", **spec))
