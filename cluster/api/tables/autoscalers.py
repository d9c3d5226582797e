"""HorizontalPodAutoscalers."""

from cluster.api.tables.duration import age
from cluster.api.tables.table import AGE, NAME, Cells, Column, Table
from cluster.api.tables.text import NONE, UNSET, few, name
from cluster.client import Obj

_SHOWN = 2


def cells(autoscaler: Obj, now: float) -> Cells:
    spec, status = autoscaler.get("spec", {}), autoscaler.get("status", {})
    target = spec.get("scaleTargetRef", {})
    return [
        name(autoscaler),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _targets(spec, status),
        str(spec["minReplicas"]) if spec.get("minReplicas") is not None else UNSET,
        spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0),
        age(autoscaler, now),
    ]


def _targets(spec: Obj, status: Obj) -> str:
    current = status.get("currentMetrics") or []
    texts = [
        _metric(metric, current[i] if i < len(current) else {}) for i, metric in enumerate(spec.get("metrics") or ())
    ]
    return few(texts, NONE, _SHOWN).replace(",", ", ")


def _metric(metric: Obj, current: Obj) -> str:
    kind = metric["type"][0].lower() + metric["type"][1:]
    body = metric.get(kind) or {}
    label = body.get("name") or (body.get("metric") or {}).get("name", "")
    now = (current.get(kind) or {}).get("current") or {}
    wanted = body.get("target") or {}
    if wanted.get("averageUtilization") is not None:
        return f"{label}: {_percent(now.get('averageUtilization'))}/{wanted['averageUtilization']}%"
    key = "averageValue" if wanted.get("averageValue") is not None else "value"
    return f"{label}: {now.get(key) or '<unknown>'}/{wanted.get(key, '<auto>')}"


def _percent(value: int | None) -> str:
    return "<unknown>" if value is None else f"{value}%"


TABLE = Table(
    (
        NAME,
        *(Column(name=n) for n in ("Reference", "Targets", "MinPods", "MaxPods", "Replicas")),
        AGE,
    ),
    cells,
)
