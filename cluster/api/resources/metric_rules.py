"""The rules of what an autoscaler looks at."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, not_supported, required
from cluster.api.metadata import label, path_segment
from cluster.api.resources.checks import check_name
from cluster.api.resources.resource_rules import check_container_resource
from cluster.client import Obj
from cluster.quantity import parse_quantity

_TYPES = ("ContainerResource", "External", "Object", "Pods", "Resource")
# In the order in which they are looked at.
_SOURCES = ("object", "external", "pods", "resource", "containerResource")
_TARGETS = ("Utilization", "Value", "AverageValue")


def check_metrics(metrics: list[Obj], path: str) -> Iterator[FieldError]:
    for i, metric in enumerate(metrics):
        yield from _check_metric(metric, f"{path}[{i}]")


def _check_metric(metric: Obj, path: str) -> Iterator[FieldError]:
    kind, at = metric.get("type", ""), f"{path}.type"
    if not kind:
        yield required(at, "must specify a metric source type")
    if kind not in _TYPES:
        yield not_supported(at, kind, _TYPES)
    given = [source for source in _SOURCES if metric.get(source) is not None]
    for source in given[:1]:
        yield from _check_source(metric[source], source, f"{path}.{source}")
    wanted = kind[:1].lower() + kind[1:]
    if kind not in _TYPES:
        # Kubernetes looks at it twice.
        yield not_supported(at, kind, _TYPES)
    elif wanted not in given:
        yield required(f"{path}.{wanted}", "must populate information for the given metric source")
    if len(given) != 1:
        others = [source for source in given if source != wanted]
        yield from (forbidden(f"{path}.{other}", "must populate the given metric source only") for other in others)


def _check_source(source: Obj, kind: str, path: str) -> Iterator[FieldError]:
    if kind == "object":
        yield from check_reference(source.get("describedObject") or {}, f"{path}.describedObject", grouped=True)
    if kind in ("object", "external", "pods"):
        yield from _check_metric_name((source.get("metric") or {}).get("name", ""), f"{path}.metric.name")
    elif not source.get("name"):
        yield required(f"{path}.name", "must specify a resource name")
    elif kind == "containerResource":
        yield from check_container_resource(source["name"], f"{path}.name")
    if kind == "containerResource":
        yield from _check_container(source.get("container", ""), f"{path}.container")
    yield from _check_target(source.get("target") or {}, f"{path}.target")
    yield from _check_values(source.get("target") or {}, kind, f"{path}.target")


def check_reference(reference: Obj, path: str, *, grouped: bool) -> Iterator[FieldError]:
    """A CrossVersionObjectReference. `grouped`: whether it may be to a kind of the core API, which has no group."""
    for name in ("kind", "name"):
        if not reference.get(name):
            yield required(f"{path}.{name}")
        else:
            yield from check_name(reference[name], f"{path}.{name}", path_segment)
    version = reference.get("apiVersion", "")
    if version.count("/") > 1:
        yield invalid(f"{path}.apiVersion", version, f"unexpected GroupVersion string: {version}")
    elif not grouped and not version.rpartition("/")[0] and reference.get("kind") != "ReplicationController":
        yield invalid(f"{path}.apiVersion", version, "apiVersion must specify API group")


def _check_metric_name(name: str, path: str) -> Iterator[FieldError]:
    if not name:
        yield required(path, "must specify a metric name")
    else:
        yield from check_name(name, path, path_segment)


def _check_container(name: str, path: str) -> Iterator[FieldError]:
    if not name:
        yield required(path, "must specify a container")
    else:
        yield from check_name(name, path, label)


def _check_target(target: Obj, path: str) -> Iterator[FieldError]:
    kind, share = target.get("type", ""), target.get("averageUtilization")
    if not kind:
        yield required(f"{path}.type", "must specify a metric target type")
    if kind not in _TARGETS:
        yield invalid(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue")
    for name in ("value", "averageValue"):
        if target.get(name) is not None and parse_quantity(target[name]) <= 0:
            yield invalid(f"{path}.{name}", target[name], "must be positive")
    if share is not None and share < 1:
        yield invalid(f"{path}.averageUtilization", share, "must be greater than 0")


def _check_values(target: Obj, kind: str, path: str) -> Iterator[FieldError]:
    value, average, share = (target.get(name) is not None for name in ("value", "averageValue", "averageUtilization"))
    match kind:
        case "object" if not value and not average:
            yield required(f"{path}.averageValue", "must set either a target value or averageValue")
        case "external" if not value and not average:
            why = "must set either a target value for metric or a per-pod target"
            yield required(f"{path}.averageValue", why)
        case "external" if value and average:
            why = "may not set both a target value for metric and a per-pod target"
            yield forbidden(f"{path}.value", why)
        case "pods" if not average:
            yield required(f"{path}.averageValue", "must specify a positive target averageValue")
        case "resource" | "containerResource" if not share and not average:
            why = "must set either a target raw value or a target utilization"
            yield required(f"{path}.averageUtilization", why)
        case "resource" | "containerResource" if share and average:
            why = "may not set both a target raw value and a target utilization"
            yield forbidden(f"{path}.averageValue", why)
