"""HorizontalPodAutoscalers as autoscaling/v1 shows them: a processor target alone; the rest goes into annotations.

The annotations are those of Kubernetes' own conversion, so nothing is lost when a v1 object is read, edited and
written back. Source: the conversion of autoscaling/v1 in Kubernetes.
"""

import json
from typing import Any

from cluster.client import Obj

METRICS = "autoscaling.alpha.kubernetes.io/metrics"
CURRENT_METRICS = "autoscaling.alpha.kubernetes.io/current-metrics"
CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
_OURS = frozenset({METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR})

_TARGET = {"averageUtilization": "targetAverageUtilization", "averageValue": "targetAverageValue"}
_CURRENT = {"averageUtilization": "currentAverageUtilization", "averageValue": "currentAverageValue"}
_RESOURCES = {"Resource": "resource", "ContainerResource": "containerResource"}


def to_v1(autoscaler: Obj) -> Obj:
    """A stored (v2) autoscaler as v1 shows it."""
    spec, status = dict(autoscaler["spec"]), dict(autoscaler.get("status") or {})
    metrics, current = spec.pop("metrics", None) or [], status.pop("currentMetrics", None) or []
    cpu, other = _split(metrics)
    if cpu is not None:
        spec["targetCPUUtilizationPercentage"] = cpu["target"]["averageUtilization"]
    now, _ = _split(current)
    if now is not None:
        status["currentCPUUtilizationPercentage"] = now["current"]["averageUtilization"]
    kept = {
        METRICS: [_flat(metric, "target", _TARGET) for metric in other],
        CURRENT_METRICS: [_flat(metric, "current", _CURRENT) for metric in current],
        CONDITIONS: status.pop("conditions", None),
        BEHAVIOR: spec.pop("behavior", None),
    }
    annotations = {name: json.dumps(value, separators=(",", ":")) for name, value in kept.items() if value}
    shown = {**autoscaler, "apiVersion": "autoscaling/v1", "spec": spec, "status": {"currentReplicas": 0, **status}}
    return _annotated(shown, {**(autoscaler["metadata"].get("annotations") or {}), **annotations})


def from_v1(autoscaler: Obj) -> Obj:
    """The stored (v2) form of a v1 autoscaler."""
    annotations = dict(autoscaler["metadata"].get("annotations") or {})
    kept = {name: _read(annotations.pop(name, "")) for name in sorted(_OURS)}
    spec, status = dict(autoscaler.get("spec") or {}), dict(autoscaler.get("status") or {})
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    cpu = [] if percent is None else [_cpu({"target": {"type": "Utilization", "averageUtilization": percent}})]
    spec["metrics"] = [*cpu, *(_deep(metric, "target", _TARGET) for metric in kept[METRICS] or ())]
    if kept[BEHAVIOR]:
        spec["behavior"] = kept[BEHAVIOR]
    status.pop("currentCPUUtilizationPercentage", None)
    if not status.get("currentReplicas"):
        # v1 shows none, v2 does not.
        status.pop("currentReplicas", None)
    status["currentMetrics"] = [_deep(metric, "current", _CURRENT) for metric in kept[CURRENT_METRICS] or ()] or None
    if kept[CONDITIONS]:
        status["conditions"] = kept[CONDITIONS]
    stored = {**autoscaler, "apiVersion": "autoscaling/v2", "spec": spec, "status": status}
    return _annotated(stored, annotations)


def _cpu(rest: Obj) -> Obj:
    return {"type": "Resource", "resource": {"name": "cpu", **rest}}


def _split(metrics: list[Obj]) -> tuple[Obj | None, list[Obj]]:
    """The first share of processor time, and all else."""
    for i, metric in enumerate(metrics):
        source: Obj = metric.get("resource") or {}
        amounts = {**(source.get("target") or {}), **(source.get("current") or {})}
        if source.get("name") == "cpu" and amounts.get("averageUtilization") is not None:
            return source, [*metrics[:i], *metrics[i + 1 :]]
    return None, metrics


def _flat(metric: Obj, part: str, names: dict[str, str]) -> Obj:
    """v1 has no object for the target: its fields stand beside the name."""
    key = _RESOURCES.get(metric["type"])
    if key is None:
        return metric
    source = dict(metric[key])
    amounts = source.pop(part)
    return {"type": metric["type"], key: source | {new: amounts[old] for old, new in names.items() if old in amounts}}


def _deep(metric: Obj, part: str, names: dict[str, str]) -> Obj:
    key = _RESOURCES.get(metric.get("type", ""))
    if key is None:
        return metric
    source = dict(metric.get(key) or {})
    amounts = {old: source.pop(new) for old, new in names.items() if new in source}
    if part == "target":
        amounts["type"] = "Utilization" if "averageUtilization" in amounts else "AverageValue"
    return {"type": metric["type"], key: {**source, part: amounts}}


def _read(text: str) -> Any:
    # What cannot be read is as good as not there; Kubernetes drops it, too.
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _annotated(autoscaler: Obj, annotations: Obj) -> Obj:
    metadata = {key: value for key, value in autoscaler["metadata"].items() if key != "annotations"}
    return {**autoscaler, "metadata": {**metadata, **({"annotations": annotations} if annotations else {})}}
