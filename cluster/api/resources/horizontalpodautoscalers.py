"""HorizontalPodAutoscalers: stored as v2, seen as v1 too."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, required
from cluster.api.metadata import path_segment
from cluster.api.resource import Resource, View
from cluster.api.resources.autoscaling_v1 import from_v1, to_v1
from cluster.api.resources.checks import check_enum, check_name, check_required
from cluster.api.tables.autoscalers import TABLE
from cluster.api.tables.table import Cells, Table
from cluster.client import Obj
from cluster.quantity import parse_quantity

_UP = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_DOWN = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}
WINDOW_SECONDS_MAX, PERIOD_SECONDS_MAX = 3600, 1800
_TYPES = ("ContainerResource", "External", "Object", "Pods", "Resource")
_CPU_80 = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}


_FROM_ELSEWHERE = ("Object", "External")


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
    if spec["minReplicas"] < 1:
        yield invalid("spec.minReplicas", spec["minReplicas"], "must be greater than or equal to 1")
    most = spec.get("maxReplicas", 0)
    if most < 1:
        yield required("spec.maxReplicas", "must be set and greater than 0")
    if most < spec["minReplicas"]:
        yield invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    target = spec.get("scaleTargetRef") or {}
    for name in ("kind", "name"):
        yield from check_required(target, "spec.scaleTargetRef", name)
        yield from check_name(target.get(name, ""), f"spec.scaleTargetRef.{name}", path_segment)
    if "/" not in target.get("apiVersion", "") and target.get("kind") != "ReplicationController":
        at = "spec.scaleTargetRef.apiVersion"
        yield invalid(at, target.get("apiVersion", ""), "apiVersion must specify API group")
    if spec["minReplicas"] == 0 and not any(metric.get("type") in _FROM_ELSEWHERE for metric in spec["metrics"]):
        why = "must specify at least one Object or External metric to support scaling to zero replicas"
        yield forbidden("spec.metrics", why)
    for i, metric in enumerate(spec["metrics"]):
        yield from _metric(metric, f"spec.metrics[{i}]")
    for way in ("scaleUp", "scaleDown"):
        if rule := (spec.get("behavior") or {}).get(way):
            yield from _scaling(rule, f"spec.behavior.{way}")


def _metric(metric: Obj, path: str) -> Iterator[FieldError]:
    yield from check_enum(metric, path, "type", _TYPES)
    kind = metric.get("type") or ""
    if kind not in _TYPES:
        # Kubernetes looks at it twice.
        yield from check_enum(metric, path, "type", _TYPES)
        return
    key = kind[0].lower() + kind[1:]
    if not metric.get(key):
        yield required(f"{path}.{key}", "must populate information for the given metric source")
    elif kind in ("Resource", "ContainerResource"):
        if kind == "ContainerResource" and not metric[key].get("container"):
            yield required(f"{path}.{key}.container", "must specify a container")
        if not metric[key].get("name"):
            yield required(f"{path}.{key}.name", "must specify a resource name")
        yield from _target(metric[key].get("target") or {}, f"{path}.{key}.target")
    else:
        if not (metric[key].get("metric") or {}).get("name"):
            yield required(f"{path}.{key}.metric.name", "must specify a metric name")
        if kind == "Pods" and not (metric[key].get("target") or {}).get("averageValue"):
            yield required(f"{path}.{key}.target.averageValue", "must specify a positive target averageValue")


def _target(target: Obj, path: str) -> Iterator[FieldError]:
    yield from check_enum(target, path, "type", ("AverageValue", "Utilization", "Value"))
    share, amount = target.get("averageUtilization"), target.get("averageValue")
    if share is None and amount is None:
        yield required(f"{path}.averageUtilization", "must set either a target raw value or a target utilization")
    elif share is not None and amount is not None:
        yield forbidden(f"{path}.averageValue", "may not set both a target raw value and a target utilization")
    elif share is not None and share < 1:
        yield invalid(f"{path}.averageUtilization", share, "must be greater than 0")
    elif amount is not None and parse_quantity(amount) <= 0:
        yield invalid(f"{path}.averageValue", amount, "must be positive")


def _scaling(rule: Obj, path: str) -> Iterator[FieldError]:
    window = rule.get("stabilizationWindowSeconds")
    if window is not None and window < 0:
        yield invalid(f"{path}.stabilizationWindowSeconds", window, "must be greater than or equal to zero")
    elif window is not None and window > WINDOW_SECONDS_MAX:
        why = f"must be less than or equal to {WINDOW_SECONDS_MAX}"
        yield invalid(f"{path}.stabilizationWindowSeconds", window, why)
    yield from check_enum(rule, path, "selectPolicy", ("Disabled", "Max", "Min"))
    if not rule.get("policies"):
        yield required(f"{path}.policies", "must specify at least one Policy")
    for i, policy in enumerate(rule.get("policies") or ()):
        yield from check_enum(policy, f"{path}.policies[{i}]", "type", ("Percent", "Pods"))
        if policy.get("value", 0) < 1:
            yield invalid(f"{path}.policies[{i}].value", policy.get("value", 0), "must be greater than zero")
        seconds = policy.get("periodSeconds", 0)
        if seconds < 1:
            yield invalid(f"{path}.policies[{i}].periodSeconds", seconds, "must be greater than zero")
        elif seconds > PERIOD_SECONDS_MAX:
            why = f"must be less than or equal to {PERIOD_SECONDS_MAX}"
            yield invalid(f"{path}.policies[{i}].periodSeconds", seconds, why)


def initial_status(_autoscaler: Obj) -> Obj:
    return {"desiredReplicas": 0, "currentMetrics": None}


def _cells_v1(autoscaler: Obj, now: float) -> Cells:
    return TABLE.cells(from_v1(autoscaler), now)


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
)
V1 = Resource(
    group="autoscaling",
    plural="horizontalpodautoscalers",
    kind="HorizontalPodAutoscaler",
    short_names=("hpa",),
    categories=("all",),
    subresources=("status",),
    table=Table(TABLE.columns, _cells_v1),
    view=View(RESOURCE.key, to_v1, from_v1),
)
