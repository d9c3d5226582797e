"""Jobs: how many pods, when they end, and what is told; as recorded in `job-failing`."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.client import Invalid, Obj
from cluster.controllers.job import is_over
from cluster.controllers.job_indexes import FAILURES, INDEX, format_indexes, parse_indexes
from cluster.controllers.job_plan import FINALIZER, Plan
from cluster.objects import is_going, is_pod_finished
from cluster.timestamps import format_time
from tests.controllers.world import NAMESPACE, World, pod_template

RESOURCE = "jobs.batch"


def declare(world: World, *, restart: str = "Never", **spec: Any) -> Obj:
    template = pod_template({}, restartPolicy=restart)
    return world.client.create(RESOURCE, {"metadata": {"name": "j"}, "spec": {"template": template, **spec}}, NAMESPACE)


def job(world: World) -> Obj:
    return world.client.get(RESOURCE, "j", NAMESPACE)


def status(world: World) -> Obj:
    found: Obj = job(world)["status"]
    return found


def conditions(world: World) -> dict[str, str]:
    return {c["type"]: c["reason"] for c in status(world).get("conditions", ()) if c["status"] == "True"}


def running(world: World) -> list[Obj]:
    pods = (p for p in world.pods() if not is_pod_finished(p) and not is_going(p))
    return [p for p in pods if p["status"].get("podIP")]


def end(world: World, pod: Obj, *, ok: bool = True, ago: float = 0.0) -> None:
    """The pod's only container ends, as its kubelet would tell it."""
    at = format_time(world.clock() - ago)
    ended = {"exitCode": 0 if ok else 2, "reason": "Completed" if ok else "Error", "finishedAt": at}
    new = {
        "phase": "Succeeded" if ok else "Failed",
        "containerStatuses": [{"name": "app", "state": {"terminated": ended}}],
    }
    key = pod["metadata"]
    world.client.patch("pods", key["name"], key["namespace"], {"status": new}, subresource="status")


async def test_a_job_is_complete_once_its_pod_has_succeeded(world: World) -> None:
    declare(world)
    await world.until(lambda: status(world).get("ready") == 1)
    (pod,) = running(world)
    assert pod["metadata"]["finalizers"] == [FINALIZER]
    assert pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] == "j"
    end(world, pod)
    await world.until(lambda: is_over(job(world)))
    assert conditions(world) == {"SuccessCriteriaMet": "CompletionsReached", "Complete": "CompletionsReached"}
    counts = {k: v for k, v in status(world).items() if k not in ("conditions", "startTime", "completionTime")}
    assert counts == {"ready": 0, "succeeded": 1, "terminating": 0, "uncountedTerminatedPods": {}}
    assert "finalizers" not in world.pods()[0]["metadata"]
    assert world.said("SuccessfulCreate") == [f"Created pod: {pod['metadata']['name']}"]
    await world.until(lambda: world.said("Completed") == ["Job completed"])


async def test_a_job_waits_after_a_failure_and_gives_up_beyond_its_limit(world: World) -> None:
    declare(world, backoffLimit=1)
    await world.until(lambda: running(world))
    end(world, running(world)[0], ok=False)
    await world.until(lambda: status(world).get("failed") == 1)
    await world.settle()
    assert not running(world), "ten seconds of back-off"
    world.ahead += 11
    world.client.patch(RESOURCE, "j", NAMESPACE, {"metadata": {"labels": {"look": "again"}}})
    await world.until(lambda: running(world))
    end(world, running(world)[0], ok=False)
    await world.until(lambda: is_over(job(world)))
    assert conditions(world) == {"FailureTarget": "BackoffLimitExceeded", "Failed": "BackoffLimitExceeded"}
    assert (status(world)["failed"], "succeeded" in status(world)) == (2, False)
    await world.until(lambda: world.said("BackoffLimitExceeded") == ["Job has reached the specified backoff limit"])


async def test_as_many_pods_run_at_once_as_asked_for_and_no_more_than_are_needed(world: World) -> None:
    declare(world, completions=3, parallelism=2)
    await world.until(lambda: len(running(world)) == 2)
    end(world, running(world)[0])
    await world.until(lambda: status(world).get("succeeded") == 1 and len(running(world)) == 2)
    end(world, running(world)[0])
    await world.settle()
    assert len(running(world)) == 1
    end(world, running(world)[0])
    await world.until(lambda: is_over(job(world)))
    assert len(world.pods()) == 3


async def test_an_indexed_job_gives_each_pod_its_number(world: World) -> None:
    declare(world, completions=2, parallelism=2, completionMode="Indexed")
    await world.until(lambda: len(running(world)) == 2)
    names = sorted(p["metadata"]["name"].rpartition("-")[0] for p in world.pods())
    assert names == ["j-0", "j-1"]
    assert sorted(p["spec"]["hostname"] for p in world.pods()) == ["j-0", "j-1"]
    assert world.pods()[0]["spec"]["containers"][0]["env"][-1]["name"] == "JOB_COMPLETION_INDEX"
    for pod in running(world):
        end(world, pod)
    await world.until(lambda: is_over(job(world)))
    assert status(world)["completedIndexes"] == "0,1"


async def test_a_deadline_ends_the_job_and_its_pods(world: World) -> None:
    declare(world, activeDeadlineSeconds=30)
    await world.until(lambda: running(world))
    world.ahead += 31
    world.client.patch(RESOURCE, "j", NAMESPACE, {"metadata": {"labels": {"look": "again"}}})
    await world.until(lambda: is_over(job(world)) and not world.pods())
    assert conditions(world)["Failed"] == "DeadlineExceeded"
    assert status(world)["failed"] == 1


async def test_a_suspended_job_runs_nothing_until_it_is_resumed(world: World) -> None:
    declare(world, suspend=True)
    await world.until(lambda: conditions(world) == {"Suspended": "JobSuspended"})
    assert not world.pods()
    world.client.patch(RESOURCE, "j", NAMESPACE, {"spec": {"suspend": False}})
    await world.until(lambda: running(world))
    assert world.said("Suspended") == ["Job suspended"]
    assert world.said("Resumed") == ["Job resumed"]
    world.client.patch(RESOURCE, "j", NAMESPACE, {"spec": {"suspend": True}})
    await world.until(lambda: not world.pods())
    assert "failed" not in status(world), "whoever is stopped in excess has not failed"


async def test_restarts_in_place_count_as_failures(world: World) -> None:
    declare(world, restart="OnFailure", backoffLimit=2)
    await world.until(lambda: running(world))
    (pod,) = running(world)
    again = {"containerStatuses": [{"name": "app", "restartCount": 2, "state": {}}]}
    world.client.patch("pods", pod["metadata"]["name"], NAMESPACE, {"status": again}, subresource="status")
    await world.until(lambda: is_over(job(world)))
    assert conditions(world)["Failed"] == "BackoffLimitExceeded"


async def test_a_job_that_is_deleted_takes_its_pods_along(world: World) -> None:
    declare(world)
    await world.until(lambda: running(world))
    world.client.delete(RESOURCE, "j", NAMESPACE, propagation="Background")
    await world.until(lambda: not world.pods())


async def test_a_job_that_is_deleted_without_a_word_about_its_pods_leaves_them(world: World) -> None:
    declare(world)
    await world.until(lambda: running(world))
    world.client.delete(RESOURCE, "j", NAMESPACE)
    await world.until(lambda: not world.client.list(RESOURCE))
    assert [pod["metadata"].get("ownerReferences") for pod in world.pods()] == [None]


async def test_a_finished_job_expires(world: World) -> None:
    declare(world, ttlSecondsAfterFinished=0)
    await world.until(lambda: running(world))
    end(world, running(world)[0])
    await world.until(lambda: not world.client.list(RESOURCE) and not world.pods())


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0), (1, 10), (2, 20), (3, 40), (9, 600)])
def test_each_failure_doubles_the_wait_up_to_ten_minutes(failures: int, seconds: float) -> None:
    now = float(int(time.time()))
    ended = {"state": {"terminated": {"finishedAt": format_time(now)}}}
    pod: Obj = {"metadata": {"finalizers": [FINALIZER]}, "status": {"phase": "Failed", "containerStatuses": [ended]}}
    pod["metadata"]["creationTimestamp"] = format_time(now)
    assert Plan({"spec": {}}, [pod] * failures, now).backoff_seconds() == seconds


@given(st.frozensets(st.integers(0, 40)))
def test_indexes_are_written_as_they_are_read(indexes: frozenset[int]) -> None:
    assert frozenset(parse_indexes(format_indexes(indexes))) == indexes


FAIL = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [2]}}
IGNORE = {"action": "Ignore", "onExitCodes": {"operator": "NotIn", "values": [3]}}


async def test_a_failure_that_a_rule_knows_ends_the_job(world: World) -> None:
    declare(world, podFailurePolicy={"rules": [FAIL]})
    await world.until(lambda: running(world))
    end(world, running(world)[0], ok=False)
    await world.until(lambda: is_over(job(world)))
    assert conditions(world) == {"FailureTarget": "PodFailurePolicy", "Failed": "PodFailurePolicy"}
    (message,) = {c["message"] for c in status(world)["conditions"]}
    assert message.endswith(" failed with exit code 2 matching FailJob rule at index 0")


async def test_a_failure_that_is_ignored_is_not_counted(world: World) -> None:
    declare(world, backoffLimit=0, podFailurePolicy={"rules": [IGNORE]})
    await world.until(lambda: running(world))
    end(world, running(world)[0], ok=False, ago=60)
    await world.until(lambda: len(running(world)) == 1 and status(world).get("ready") == 1)
    assert "failed" not in status(world)


def indexed(pods: list[Obj], index: int) -> Obj:
    return next(p for p in pods if p["metadata"]["annotations"][INDEX] == str(index))


async def test_each_index_fails_for_itself(world: World) -> None:
    declare(world, completions=2, parallelism=2, completionMode="Indexed", backoffLimitPerIndex=1)
    await world.until(lambda: len(running(world)) == 2)
    end(world, indexed(running(world), 0))
    end(world, indexed(running(world), 1), ok=False)
    await world.until(lambda: status(world).get("failed") == 1)
    assert status(world)["failedIndexes"] == "", "it may fail once more"
    world.ahead += 11
    world.client.patch(RESOURCE, "j", NAMESPACE, {"metadata": {"labels": {"look": "again"}}})
    await world.until(lambda: running(world))
    (again,) = running(world)
    assert again["metadata"]["annotations"][FAILURES] == "1"
    end(world, again, ok=False)
    await world.until(lambda: is_over(job(world)))
    assert conditions(world) == {"FailureTarget": "FailedIndexes", "Failed": "FailedIndexes"}
    assert (status(world)["completedIndexes"], status(world)["failedIndexes"]) == ("0", "1")


async def test_too_many_failed_indexes_end_the_others(world: World) -> None:
    policy: Obj = {"backoffLimitPerIndex": 0, "maxFailedIndexes": 0}
    declare(world, completions=2, parallelism=2, completionMode="Indexed", **policy)
    await world.until(lambda: len(running(world)) == 2)
    end(world, indexed(running(world), 1), ok=False)
    await world.until(lambda: is_over(job(world)))
    assert conditions(world)["Failed"] == "MaxFailedIndexesExceeded"
    assert not running(world)


async def test_enough_may_be_enough(world: World) -> None:
    policy: Obj = {"successPolicy": {"rules": [{"succeededIndexes": "1"}, {"succeededCount": 1}]}}
    declare(world, completions=2, parallelism=2, completionMode="Indexed", **policy)
    await world.until(lambda: len(running(world)) == 2)
    end(world, indexed(running(world), 0))
    await world.until(lambda: is_over(job(world)))
    assert conditions(world) == {"SuccessCriteriaMet": "SuccessPolicy", "Complete": "SuccessPolicy"}
    assert job(world)["status"]["conditions"][0]["message"] == "Matched rules at index 1"
    assert not running(world)


async def test_an_indexed_job_grows_as_a_whole(world: World) -> None:
    declare(world, completions=1, parallelism=1, completionMode="Indexed")
    world.client.patch(RESOURCE, "j", NAMESPACE, {"spec": {"completions": 2, "parallelism": 2}})
    await world.until(lambda: len(running(world)) == 2)
    with pytest.raises(Invalid, match="can only be modified in tandem with parallelism"):
        world.client.patch(RESOURCE, "j", NAMESPACE, {"spec": {"completions": 3}})


async def test_a_failure_is_waited_for_when_its_pod_is_gone(world: World) -> None:
    declare(world)
    await world.until(lambda: running(world))
    (first,) = running(world)
    world.client.delete("pods", first["metadata"]["name"], NAMESPACE)
    await world.until(lambda: not world.pods())
    await world.settle()
    assert not world.pods(), "ten seconds of back-off"
    assert status(world)["failed"] == 1
