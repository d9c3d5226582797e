"""HorizontalPodAutoscalers (v2)."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, invalid
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_enum, check_required
from cluster.api.resources.unsupported import not_run
from cluster.api.tables.autoscalers import TABLE
from cluster.client import NotImplementedHere, Obj

_UP = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_DOWN = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}
_CPU_80 = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}


def fill(autoscaler: Obj) -> None:
    spec = autoscaler.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        spec["metrics"] = [_CPU_80]
    if (behavior := spec.get("behavior")) is not None:
        behavior["scaleUp"] = _UP | (behavior.get("scaleUp") or {})
        behavior["scaleDown"] = _DOWN | (behavior.get("scaleDown") or {})


def rules(autoscaler: Obj, _old: Obj | None) -> Iterator[FieldError]:
    spec = autoscaler["spec"]
    yield from check_required(spec.get("scaleTargetRef") or {}, "spec.scaleTargetRef", "kind", "name")
    if spec["minReplicas"] < 1:
        yield invalid("spec.minReplicas", spec["minReplicas"], "must be greater than or equal to 1")
    most = spec.get("maxReplicas", 0)
    if most < 1:
        yield invalid("spec.maxReplicas", most, "must be greater than 0")
    elif most < spec["minReplicas"]:
        yield invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    for i, metric in enumerate(spec["metrics"]):
        types = ("ContainerResource", "External", "Object", "Pods", "Resource")
        yield from check_enum(metric, f"spec.metrics[{i}]", "type", types)


def unsupported(autoscaler: Obj) -> Iterator[NotImplementedHere]:
    for i, metric in enumerate(autoscaler["spec"]["metrics"]):
        if metric["type"] not in ("Resource", "ContainerResource"):
            yield NotImplementedHere(
                f"spec.metrics[{i}].type: {metric['type']} is not supported by this cluster: "
                "metrics are cpu and memory of pods; remove it or use a real cluster"
            )


def initial_status(_autoscaler: Obj) -> Obj:
    return {"desiredReplicas": 0, "currentMetrics": None}


RESOURCE = Resource(
    group="autoscaling",
    version="v2",
    plural="horizontalpodautoscalers",
    kind="HorizontalPodAutoscaler",
    short_names=("hpa",),
    categories=("all",),
    subresources=("status",),
    table=TABLE,
    fill=fill,
    rules=rules,
    initial_status=initial_status,
    unsupported=not_run("HorizontalPodAutoscalers", "set replicas"),
)
