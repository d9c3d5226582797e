"""A HorizontalPodAutoscaler sets replicas by what pods use, and says why, or why not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cluster.client import Obj
from cluster.nodeservice import Measured, NodeUsage
from cluster.objects import condition
from tests.controllers.world import NAMESPACE, World, deployment, pod_template, running

RESOURCE = "horizontalpodautoscalers.autoscaling"
NO_METRICS = "unable to get metrics for resource cpu: no metrics returned from resource metrics API"


class Meters:
    """A kubelet that counts the same load for every pod of the workload, in cores."""

    def __init__(self, world: World) -> None:
        self.world, self.load, self.began = world, 0.0, world.clock()
        self.used: dict[str, float] = {}

    def usage(self) -> NodeUsage:
        pods = {}
        for pod in self.world.pods():
            name = pod["metadata"]["name"]
            self.used[name] = self.used.get(name, 0.0) + 15 * self.load
            pods[NAMESPACE, name] = {"app": self._measured(self.used[name])}
        return NodeUsage(node=self._measured(0), pods=pods)

    def _measured(self, cpu: float) -> Measured:
        return Measured(
            at=self.world.clock(), started_at=self.began, cpu_usec=int(cpu * 1_000_000), memory_bytes=48 << 20
        )


def look(world: World, cores: float) -> None:
    """Two looks of the metrics, far enough from the start of all pods that they count."""
    meters = Meters(world)
    world.meters["node1"] = meters
    meters.load = cores
    world.ahead += 400
    world.metrics.look()
    world.ahead += 15
    world.metrics.look()


def autoscaler(world: World, name: str = "web", **spec: Any) -> Obj:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    body = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 10, **spec}
    return world.client.create(RESOURCE, {"metadata": {"name": name}, "spec": body}, NAMESPACE)


def deploy(world: World, replicas: int = 2) -> None:
    template = pod_template({"app": "web"})
    template["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m", "memory": "64Mi"}}
    world.client.create("deployments.apps", deployment("web", replicas, template=template), NAMESPACE)


def said(world: World, type: str, name: str = "web") -> tuple[str, str, str]:
    found = condition(world.client.get(RESOURCE, name, NAMESPACE), type) or {}
    return found.get("status", ""), found.get("reason", ""), found.get("message", "")


def replicas(world: World) -> int:
    return int(world.client.get("deployments.apps", "web", NAMESPACE)["spec"]["replicas"])


@asynccontextmanager
async def storm(still: World, count: int = 2) -> AsyncIterator[Callable[[], int]]:
    async with running(still, autoscaler_seconds=0.1, grace_seconds=1e9):
        deploy(still, count)
        await still.until(lambda: sum(bool(p["status"].get("podIP")) for p in still.pods()) == count)
        yield lambda: replicas(still)


async def test_load_brings_replicas_and_an_event_tells_why(still: World) -> None:
    async with storm(still) as now:
        look(still, 0.16)
        autoscaler(still)
        await still.until(lambda: now() == 4)
        await still.until(lambda: said(still, "AbleToScale")[1] == "SucceededRescale")
        why = "New size: 4; reason: cpu resource utilization (percentage of request) above target"
        assert why in still.said("SuccessfulRescale")
        assert said(still, "ScalingActive") == (
            "True",
            "ValidMetricFound",
            "the HPA was able to successfully calculate a replica count from cpu resource utilization "
            "(percentage of request)",
        )
        status = still.client.get(RESOURCE, "web", NAMESPACE)["status"]
        current = {"averageUtilization": 160, "averageValue": "160m"}
        assert status["currentMetrics"] == [{"type": "Resource", "resource": {"name": "cpu", "current": current}}]
        assert [c["type"] for c in status["conditions"]] == ["AbleToScale", "ScalingActive", "ScalingLimited"]
        assert "lastScaleTime" in status


async def test_a_ceiling_holds_and_says_so(still: World) -> None:
    async with storm(still) as now:
        look(still, 1.0)
        autoscaler(still, maxReplicas=3)
        await still.until(lambda: now() == 3)
        message = "the desired replica count is more than the maximum replica count"
        await still.until(lambda: said(still, "ScalingLimited") == ("True", "TooManyReplicas", message))


async def test_memory_counts_as_an_amount_too(still: World) -> None:
    async with storm(still) as now:
        look(still, 0.0)
        target = {"type": "AverageValue", "averageValue": "16Mi"}
        metric = {
            "type": "ContainerResource",
            "containerResource": {"name": "memory", "container": "app", "target": target},
        }
        autoscaler(still, metrics=[metric])
        await still.until(lambda: now() == 4)
        assert "New size: 4; reason: memory container resource above target" in still.said("SuccessfulRescale")


async def test_without_metrics_nothing_moves_and_all_is_told(still: World) -> None:
    """The words are those of the recording `tables`, but for its missing metrics server."""
    async with storm(still) as now:
        autoscaler(still)
        await still.until(lambda: said(still, "ScalingActive")[1] == "FailedGetResourceMetric")
        failed = f"failed to get cpu utilization: {NO_METRICS}"
        assert said(still, "ScalingActive")[2] == f"the HPA was unable to compute the replica count: {failed}"
        assert said(still, "AbleToScale")[1:] == (
            "SucceededGetScale",
            "the HPA controller was able to get the target's current scale",
        )
        assert failed in still.said("FailedGetResourceMetric")
        first = (
            f"invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: {failed}"
        )
        assert first in still.said("FailedComputeMetricsReplicas")
        assert now() == 2


@pytest.mark.parametrize(
    ("metric", "reason", "message"),
    [
        (
            {
                "type": "Pods",
                "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "1"}},
            },
            "FailedGetPodsMetric",
            "unable to get metric rps: unable to fetch metrics from custom metrics API: no custom metrics API "
            "(custom.metrics.k8s.io) registered",
        ),
        (
            {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "1"}}},
            "FailedGetExternalMetric",
            "unable to get external metric shop/queue/nil: unable to fetch metrics from external metrics API: "
            "the server could not find the requested resource (get queue.external.metrics.k8s.io)",
        ),
    ],
)
async def test_metrics_that_nobody_serves_are_refused_by_name(
    still: World, metric: Obj, reason: str, message: str
) -> None:
    async with storm(still):
        autoscaler(still, metrics=[metric])
        await still.until(lambda: message in still.said(reason))
        assert said(still, "ScalingActive")[:2] == ("False", reason)


async def test_a_target_that_is_not_there_is_told(still: World) -> None:
    async with running(still, autoscaler_seconds=0.1):
        autoscaler(still)
        autoscaler(still, "odd", scaleTargetRef={"apiVersion": "apps/v1", "kind": "Fleet", "name": "web"})
        await still.until(lambda: said(still, "AbleToScale")[1] == "FailedGetScale")
        await still.until(lambda: said(still, "AbleToScale", "odd")[1] == "FailedGetScale")
        assert set(still.said("FailedGetScale")) == {
            'deployments.apps "web" not found',
            'no matches for kind "Fleet" in group "apps"',
        }


async def test_bounds_are_enforced_and_zero_switches_off(still: World) -> None:
    async with storm(still, 4) as now:
        autoscaler(still, maxReplicas=3)
        await still.until(lambda: now() == 3)
        why = "New size: 3; reason: Current number of replicas above Spec.MaxReplicas"
        assert still.said("SuccessfulRescale") == [why]
        still.client.patch("deployments.apps", "web", NAMESPACE, {"spec": {"replicas": 0}}, subresource="scale")
        await still.until(lambda: said(still, "ScalingActive")[1] == "ScalingDisabled")
        await asyncio.sleep(0.3)
        assert now() == 0


async def test_two_for_one_workload_do_nothing(still: World) -> None:
    async with storm(still) as now:
        look(still, 1.0)
        autoscaler(still, "a")
        autoscaler(still, "b")
        message = "pods by selector app=web are controlled by multiple HPAs: [shop/a shop/b]"
        await still.until(lambda: still.said("AmbiguousSelector").count(message) == 2)
        assert now() == 2
