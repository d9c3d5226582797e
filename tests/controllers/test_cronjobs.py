"""CronJobs: when Jobs are made, which are kept, and how schedules are read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.client import Invalid, Obj
from cluster.controllers.cronjob import times
from cluster.cron import parse_schedule
from cluster.timestamps import format_time
from tests.controllers.world import NAMESPACE, World, pod_template

RESOURCE, JOBS = "cronjobs.batch", "jobs.batch"


def declare(world: World, schedule: str = "* * * * *", **spec: Any) -> None:
    job = {"spec": {"template": pod_template({}, restartPolicy="Never")}}
    body = {"schedule": schedule, "jobTemplate": job, **spec}
    world.client.create(RESOURCE, {"metadata": {"name": "report"}, "spec": body}, NAMESPACE)


def status(world: World) -> Obj:
    found: Obj = world.client.get(RESOURCE, "report", NAMESPACE).get("status") or {}
    return found


def pass_time(world: World, seconds: float) -> None:
    world.ahead += seconds
    stamp = {"metadata": {"labels": {"at": str(int(world.ahead))}}}
    world.client.patch(RESOURCE, "report", NAMESPACE, stamp)


def complete(world: World) -> None:
    for pod in world.pods():
        ended = {"status": {"phase": "Succeeded"}}
        world.client.patch("pods", pod["metadata"]["name"], NAMESPACE, ended, subresource="status")


async def test_each_time_of_the_schedule_makes_a_job(world: World) -> None:
    declare(world)
    await world.settle()
    assert not world.client.list(JOBS)
    pass_time(world, 60)
    await world.until(lambda: status(world).get("active"))
    (job,) = world.client.list(JOBS)
    minute = int(datetime.fromisoformat(status(world)["lastScheduleTime"]).timestamp()) // 60
    assert job["metadata"]["name"] == f"report-{minute}"
    assert f"Created job {job['metadata']['name']}" in world.said("SuccessfulCreate")
    await world.until(lambda: world.pods() and world.pods()[0]["status"].get("podIP"))
    complete(world)
    await world.until(lambda: "active" not in status(world))
    assert status(world)["lastSuccessfulTime"]
    assert world.said("SawCompletedJob") == [f"Saw completed job: {job['metadata']['name']}, condition: Complete"]


async def test_history_is_short(world: World) -> None:
    declare(world, successfulJobsHistoryLimit=1)
    for _ in range(3):
        pass_time(world, 60)
        await world.until(lambda: status(world).get("active"))
        await world.until(lambda: any(p["status"].get("podIP") for p in world.pods()))
        complete(world)
        await world.until(lambda: "active" not in status(world))
    await world.until(lambda: len(world.client.list(JOBS)) == 1)


@pytest.mark.parametrize(("policy", "jobs"), [("Allow", 2), ("Forbid", 1), ("Replace", 1)])
async def test_the_policy_decides_about_a_job_that_still_runs(world: World, policy: str, jobs: int) -> None:
    declare(world, concurrencyPolicy=policy)
    pass_time(world, 60)
    await world.until(lambda: status(world).get("active"))
    first = world.client.list(JOBS)[0]["metadata"]["name"]
    pass_time(world, 60)
    await world.settle()
    names = [j["metadata"]["name"] for j in world.client.list(JOBS)]
    assert len(names) == jobs
    assert (first in names) is (policy != "Replace")
    assert bool(world.events("JobAlreadyActive")) is (policy == "Forbid")


async def test_a_suspended_one_makes_nothing(world: World) -> None:
    declare(world, suspend=True)
    pass_time(world, 120)
    await world.settle()
    assert not world.client.list(JOBS)


async def test_a_schedule_that_cannot_be_read_is_refused(world: World) -> None:
    with pytest.raises(Invalid, match="expected exactly 5 fields"):
        declare(world, "* * *")
    with pytest.raises(Invalid, match=r"end of range \(61\) above maximum \(59\): 61"):
        declare(world, "61 * * * *")
    with pytest.raises(Invalid, match="unknown time zone"):
        declare(world, timeZone="Mars/Olympus")


FROM = datetime(2026, 11, 22, 20, 30, 15, tzinfo=UTC)  # a Sunday


@pytest.mark.parametrize(
    ("schedule", "then"),
    [
        ("* * * * *", "2026-11-22T20:31"),
        ("*/20 * * * *", "2026-11-22T20:40"),
        ("5/30 * * * *", "2026-11-22T20:35"),
        ("0 9-17 * * mon-fri", "2026-11-23T09:00"),
        ("15,45 3 * * *", "2026-11-23T03:15"),
        ("0 0 1 jan *", "2027-01-01T00:00"),
        ("0 0 13 * fri", "2026-11-27T00:00"),
        ("0 0 29 2 *", "2028-02-29T00:00"),
        ("@weekly", "2026-11-29T00:00"),
        ("@every 1h30m", "2026-11-22T22:00"),
    ],
)
def test_schedules_are_read_as_cron_reads_them(schedule: str, then: str) -> None:
    found = parse_schedule(schedule).after(FROM)
    assert found is not None
    assert found.strftime("%Y-%m-%dT%H:%M") == then


def test_a_day_that_never_comes_is_not_waited_for() -> None:
    assert parse_schedule("0 0 31 feb *").after(FROM) is None


@given(st.integers(0, 59), st.integers(1, 59), st.integers(0, 10**6))
def test_the_next_time_is_later_and_in_the_schedule(first: int, step: int, minutes: int) -> None:
    moment = FROM + timedelta(minutes=minutes)
    found = parse_schedule(f"{first}/{step} * * * *").after(moment)
    assert found is not None
    assert found > moment
    assert found.minute >= first
    assert (found.minute - first) % step == 0


def test_of_many_missed_times_the_latest_is_due() -> None:
    cron_job = {"metadata": {"creationTimestamp": format_time(FROM.timestamp())}, "spec": {"schedule": "* * * * *"}}
    due, following, missed = times(cron_job, (FROM + timedelta(minutes=10)).timestamp())
    assert due == datetime(2026, 11, 22, 20, 40, tzinfo=UTC).timestamp()
    assert following == datetime(2026, 11, 22, 20, 41, tzinfo=UTC).timestamp()
    assert missed == 10


def test_however_many_were_missed_the_latest_is_due() -> None:
    cron_job = {"metadata": {"creationTimestamp": format_time(FROM.timestamp())}, "spec": {"schedule": "* * * * *"}}
    due, _, missed = times(cron_job, (FROM + timedelta(days=30)).timestamp())
    assert due == (FROM + timedelta(days=30)).replace(second=0).timestamp()
    assert missed == 30 * 24 * 60


def test_what_is_too_late_to_start_is_not_due() -> None:
    spec = {"schedule": "0 * * * *", "startingDeadlineSeconds": 60}
    cron_job = {"metadata": {"creationTimestamp": format_time(FROM.timestamp())}, "spec": spec}
    assert times(cron_job, datetime(2026, 11, 22, 22, 0, 59, tzinfo=UTC).timestamp()).due is not None
    assert times(cron_job, datetime(2026, 11, 22, 22, 1, 1, tzinfo=UTC).timestamp()).due is None


async def test_many_missed_times_are_made_up_for_once_and_told(world: World) -> None:
    declare(world)
    pass_time(world, 60 * 200)
    await world.until(lambda: len(world.client.list(JOBS)) == 1)
    await world.until(lambda: len(world.said("TooManyMissedTimes")) == 1)


async def test_a_job_that_somebody_else_deletes_is_missed(world: World) -> None:
    declare(world)
    pass_time(world, 60)
    await world.until(lambda: status(world).get("active"))
    (job,) = world.client.list(JOBS)
    world.client.delete(JOBS, job["metadata"]["name"], NAMESPACE, propagation="Background")
    await world.until(lambda: world.said("MissingJob") == [f"Active job went missing: {job['metadata']['name']}"])
