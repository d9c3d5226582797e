"""What is seldom used: resizing pods, jobs that count failures by index."""

from asyncio import sleep
from typing import Any

from tests.replay.case import Obj, bare, case, shell
from tests.replay.stage import Stage


def _indexed(name: str, script: str, **spec: Any) -> Obj:
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [shell("main", script)]}
    whole = {
        "completionMode": "Indexed",
        "completions": 3,
        "parallelism": 3,
        "backoffLimitPerIndex": 0,
        "template": {"spec": pod},
        **spec,
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": whole}


@case("job-indexes")
async def indexes(stage: Stage) -> None:
    """Indexes that fail on their own, by a limit or by a rule, and how many of them may."""
    fails = 'test "$JOB_COMPLETION_INDEX" = 1 && exit 3; exit 0'
    fail_index = {"rules": [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [3]}}]}
    first = {"rules": [{"succeededIndexes": "0"}]}
    await stage.apply(
        _indexed("one-fails", fails),
        _indexed("too-many", "sleep $((JOB_COMPLETION_INDEX * 2)); exit 3", maxFailedIndexes=1),
        _indexed("by-rule", fails, backoffLimitPerIndex=6, podFailurePolicy=fail_index),
        _indexed("first-is-enough", 'test "$JOB_COMPLETION_INDEX" = 0 && sleep 1 || sleep 600', successPolicy=first),
    )
    await sleep(11)
    await stage.kubectl("get", "jobs")
    await stage.kubectl("get", "jobs", "-o", "yaml")
    await stage.kubectl("describe", "jobs")
    await stage.kubectl("get", "pods")


@case("pods-resized")
async def resized(stage: Stage) -> None:
    amounts = {"requests": {"cpu": "100m", "memory": "32Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}
    await stage.apply(bare("pod", shell("main", "sleep 600", resources=amounts)))
    await stage.until_ready(1)
    path = f"{stage.home}/pods/pod/resize"

    async def resize(note: str, resources: Obj, **more: Any) -> None:
        patch = {"spec": {"containers": [{"name": "main", "resources": resources, **more}]}}
        await stage.request("PATCH", path, patch, type="application/strategic-merge-patch+json", note=note)

    await resize("another class", {"requests": {"cpu": "200m", "memory": "64Mi"}})
    await resize("another image", {}, image="demo/app:2")
    await resize("too much", {"requests": {"cpu": "300m"}})
    await resize("more", {"limits": {"cpu": "400m"}})
    await stage.request("GET", path, note="as it is")
    await stage.kubectl(
        "patch", "pod", "pod", "-p", '{"spec":{"containers":[{"name":"main","resources":{"limits":{"cpu":"1"}}}]}}'
    )
    await stage.kubectl("patch", "pod", "nope", "--subresource=resize", "-p", "{}")
