"""Who looks after the number of pods: autoscalers without anything to scale, and ReplicationControllers."""

from asyncio import sleep
from typing import Any

from tests.replay.case import Obj, brief, case, shell
from tests.replay.stage import Stage


def _scaler(name: str, kind: str, target: str, version: str = "apps/v1", **spec: Any) -> Obj:
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
    }
    reference = {"apiVersion": version, "kind": kind, "name": target}
    whole = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 3, "metrics": [metric], **spec}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": whole,
    }


ODD_SCALERS: dict[str, Obj] = {
    "no-target": {"scaleTargetRef": {"kind": "", "name": ""}},
    "none": {"minReplicas": 0},
    "reversed": {"minReplicas": 4},
    "no-maximum": {"maxReplicas": 0},
    "odd-metric": {"metrics": [{"type": "Guess"}]},
    "no-value": {"metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}]},
}


@case("autoscaler-targets")
async def targets(stage: Stage) -> None:
    job = {"template": {"spec": {"restartPolicy": "Never", "containers": [shell("j", "sleep 600")]}}, "suspend": True}
    await stage.apply(
        *brief(replicas=0),
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": job},
        _scaler("of-nothing", "Deployment", "nope"),
        _scaler("of-a-job", "Job", "j", "batch/v1"),
        _scaler("of-nonsense", "Nonsense", "x", "example.com/v1"),
        _scaler("of-none", "Deployment", "app"),
    )
    await sleep(17)
    await stage.kubectl("get", "hpa")
    await stage.kubectl("describe", "hpa")
    await stage.kubectl("get", "events")
    await stage.kubectl("autoscale", "deploy", "app", "--max=2")
    await stage.kubectl("autoscale", "deploy", "other", "--min=3", "--max=2")
    for name, spec in ODD_SCALERS.items():
        await stage.create(_scaler(name, "Deployment", "app", **spec))


@case("replication-controller")
async def replication_controller(stage: Stage) -> None:
    template = brief()[0]["spec"]["template"]
    controller = {"replicas": 2, "selector": {"app": "app"}, "template": template}
    await stage.apply(
        {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "app"}, "spec": controller}
    )
    await stage.until_ready(2)
    await sleep(1)
    await stage.kubectl("get", "rc,pods")
    await stage.kubectl("describe", "rc", "app")
    await stage.kubectl("scale", "rc/app", "--replicas=1")
    await sleep(2.5)
    await stage.kubectl("get", "rc", "-o", "yaml")
    await stage.kubectl("label", "pods", "--all", "app=other", "--overwrite")
    await sleep(2)
    await stage.kubectl("get", "rc,pods")
    await stage.kubectl("get", "events")
    await stage.kubectl("delete", "rc", "app", "--cascade=orphan")
    await sleep(0.5)
    await stage.kubectl(
        "get", "pods", "-o", "custom-columns=OWNERS:.metadata.ownerReferences[*].name,APP:.metadata.labels.app"
    )
    await stage.create(
        {
            "apiVersion": "v1",
            "kind": "ReplicationController",
            "metadata": {"name": "odd"},
            "spec": {"selector": {"a": "b"}, "template": template},
        }
    )
