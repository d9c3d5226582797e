"""HorizontalPodAutoscalers: stored as v2, seen as v1 too."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, not_supported, required
from cluster.api.resource import Resource, View
from cluster.api.resources.autoscaling_v1 import from_v1, to_v1
from cluster.api.resources.checks import check_optional_enum
from cluster.api.resources.metric_rules import check_metrics, check_reference
from cluster.api.resources.status_rules import check_counts
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


def rules(autoscaler: Obj, old: Obj | None) -> Iterator[FieldError]:
    yield from check_counts(autoscaler, old, ("currentReplicas", "desiredReplicas"))
    spec = autoscaler["spec"]
    least, most = spec["minReplicas"], spec.get("maxReplicas", 0)
    if least < 1:
        yield invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most == 0:
        yield required("spec.maxReplicas", "must be set and greater than 0")
    elif most < 0:
        yield invalid("spec.maxReplicas", most, "must be greater than or equal to 1")
    if most < least:
        yield invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    yield from check_reference(spec.get("scaleTargetRef") or {}, "spec.scaleTargetRef", grouped=False)
    yield from check_metrics(spec["metrics"], "spec.metrics")
    if least == 0 and not any(metric.get("type") in _FROM_ELSEWHERE for metric in spec["metrics"]):
        why = "must specify at least one Object or External metric to support scaling to zero replicas"
        yield forbidden("spec.metrics", why)
    for way in ("scaleUp", "scaleDown"):
        if (rule := (spec.get("behavior") or {}).get(way)) is not None:
            yield from _scaling(rule, f"spec.behavior.{way}")


def _scaling(rule: Obj, path: str) -> Iterator[FieldError]:
    window = rule.get("stabilizationWindowSeconds")
    if window is not None and window < 0:
        yield invalid(f"{path}.stabilizationWindowSeconds", window, "must be greater than or equal to zero")
    elif window is not None and window > WINDOW_SECONDS_MAX:
        why = f"must be less than or equal to {WINDOW_SECONDS_MAX}"
        yield invalid(f"{path}.stabilizationWindowSeconds", window, why)
    yield from check_optional_enum(rule, path, "selectPolicy", ("Disabled", "Max", "Min"))
    if not rule.get("policies"):
        yield required(f"{path}.policies", "must specify at least one Policy")
    for i, policy in enumerate(rule.get("policies") or ()):
        yield from _scaling_policy(policy, f"{path}.policies[{i}]")
    if rule.get("tolerance") is not None and parse_quantity(rule["tolerance"]) < 0:
        yield invalid(f"{path}.tolerance", rule["tolerance"], "must be greater than or equal to 0")


def _scaling_policy(policy: Obj, path: str) -> Iterator[FieldError]:
    if policy.get("type", "") not in ("Percent", "Pods"):
        yield not_supported(f"{path}.type", policy.get("type", ""), ("Percent", "Pods"))
    for name in ("value", "periodSeconds"):
        if policy.get(name, 0) <= 0:
            yield invalid(f"{path}.{name}", policy.get(name, 0), "must be greater than zero")
    if policy.get("periodSeconds", 0) > PERIOD_SECONDS_MAX:
        why = f"must be less than or equal to {PERIOD_SECONDS_MAX}"
        yield invalid(f"{path}.periodSeconds", policy["periodSeconds"], why)


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
