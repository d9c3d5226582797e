"""An autoscaler is the same object as autoscaling/v1 and autoscaling/v2."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cluster.api.resources.autoscaling_v1 import from_v1, to_v1
from cluster.client import Obj
from tests.api_server.serving import Served, serving

V1 = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
V2 = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
MEMORY = {
    "type": "Resource",
    "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "64Mi"}},
}
UP = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}]}


def cpu(percent: int) -> Obj:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


METRICS = st.lists(st.one_of(st.builds(cpu, st.integers(1, 200)), st.just(MEMORY)), unique_by=str, min_size=1)


@given(METRICS, st.sampled_from([None, {"scaleUp": UP}]), st.sampled_from([None, {"team": "shop"}]))
def test_nothing_is_lost_between_the_versions(
    metrics: list[Obj], behavior: Obj | None, annotations: Obj | None
) -> None:
    stored: Obj = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", **({"annotations": annotations} if annotations else {})},
        "spec": {"scaleTargetRef": TARGET, "maxReplicas": 5, "metrics": metrics},
        "status": {"desiredReplicas": 1, "currentMetrics": None},
    }
    if behavior:
        stored["spec"]["behavior"] = behavior
    back = from_v1(to_v1(stored))
    for autoscaler in (back, stored):
        # The processor's share comes first after a visit to v1.
        autoscaler["spec"]["metrics"].sort(key=lambda m: str(sorted(m["resource"]["target"].items())))
    assert back == stored


async def call(served: Served, method: str, path: str, body: Any = None, **headers: str) -> Any:
    code, answer = await served.call(method, path, body, headers=headers)
    assert code < 300, answer
    return answer


async def test_what_one_version_writes_the_other_reads(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        spec = {"scaleTargetRef": TARGET, "maxReplicas": 5, "targetCPUUtilizationPercentage": 60}
        made = await call(served, "POST", V1, {"metadata": {"name": "web"}, "spec": spec})
        assert made["apiVersion"] == "autoscaling/v1"
        read = await call(served, "GET", f"{V2}/web")
        assert (read["apiVersion"], read["spec"]["metrics"]) == ("autoscaling/v2", [cpu(60)])
        merge = {"Content-Type": "application/merge-patch+json"}
        patched = await call(served, "PATCH", f"{V1}/web", {"spec": {"targetCPUUtilizationPercentage": 70}}, **merge)
        assert patched["spec"]["targetCPUUtilizationPercentage"] == 70
        status = {"status": {"currentReplicas": 3, "desiredReplicas": 3}}
        await call(served, "PATCH", f"{V1}/web/status", status, **merge)
        read = await call(served, "GET", f"{V2}/web")
        assert (read["spec"]["metrics"], read["status"]["currentReplicas"]) == ([cpu(70)], 3)
        listed = await call(served, "GET", V1)
        assert [item["spec"]["maxReplicas"] for item in listed["items"]] == [5]
        await call(served, "DELETE", f"{V1}/web")
        assert (await call(served, "GET", V2))["items"] == []


async def test_the_newer_version_is_preferred_as_recorded(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        group = await call(served, "GET", "/apis/autoscaling")
        versions = [{"groupVersion": f"autoscaling/{v}", "version": v} for v in ("v2", "v1")]
        assert (group["versions"], group["preferredVersion"]) == (versions, versions[0])


async def test_a_metric_must_be_whole(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        spec = {"scaleTargetRef": TARGET, "maxReplicas": 5, "metrics": [{"type": "Resource"}]}
        code, refused = await served.call("POST", V2, {"metadata": {"name": "web"}, "spec": spec})
        assert (code, refused["details"]["causes"][0]["field"]) == (422, "spec.metrics[0].resource")
