"""NodeMetrics and PodMetrics."""

from fractions import Fraction

from cluster.api.tables.table import NAME, Cells, Column, Table
from cluster.api.tables.text import name
from cluster.client import Obj
from cluster.quantity import format_quantity, parse_quantity


def node(metrics: Obj, _now: float) -> Cells:
    return _cells(metrics, [metrics.get("usage") or {}])


def pod(metrics: Obj, _now: float) -> Cells:
    return _cells(metrics, [container["usage"] for container in metrics.get("containers") or ()])


def _cells(metrics: Obj, used: list[Obj]) -> Cells:
    return [name(metrics), _sum(used, "cpu", "1n"), _sum(used, "memory", "1Ki"), metrics.get("window", "")]


def _sum(used: list[Obj], resource: str, like: str) -> str:
    return format_quantity(sum((parse_quantity(u.get(resource, "0")) for u in used), Fraction(0)), like)


_COLUMNS = (NAME, *(Column(name=title) for title in ("cpu", "memory", "Window")))
NODES = Table(_COLUMNS, node)
PODS = Table(_COLUMNS, pod)
