"""Deployments."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, not_one_of
from cluster.api.metadata import immutable
from cluster.api.resource import Resource
from cluster.api.resources.checks import (
    amount_of,
    check_int_or_percent,
    check_not_above,
    check_not_negative,
    shares_in_go,
)
from cluster.api.resources.pod_warnings import template_warnings
from cluster.api.resources.podspec import fill_template
from cluster.api.resources.status_rules import check_counts
from cluster.api.resources.templates import changed, check_selected, unchanged, unsupported_template
from cluster.api.tables.workloads import DEPLOYMENTS
from cluster.client import Obj

_AMONG = ("updatedReplicas", "readyReplicas", "availableReplicas")
_COUNTS = ("observedGeneration", "replicas", *_AMONG, "unavailableReplicas", "terminatingReplicas", "collisionCount")


def fill(deployment: Obj) -> None:
    spec = deployment.setdefault("spec", {})
    fill_template(spec.setdefault("template", {}))
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy["rollingUpdate"] = {"maxUnavailable": "25%", "maxSurge": "25%"} | (strategy.get("rollingUpdate") or {})
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def rules(deployment: Obj, old: Obj | None) -> Iterator[FieldError]:
    yield from check_counts(deployment, old, _COUNTS, _AMONG)
    if unchanged(deployment, old):
        return
    spec = deployment["spec"]
    yield from check_not_negative(spec, "spec", "replicas")
    yield from check_selected(spec, "deployment", kept="ReplicaSet")
    yield from _check_strategy(spec["strategy"], "spec.strategy")
    yield from check_not_negative(spec, "spec", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    deadline, ready = spec["progressDeadlineSeconds"], spec.get("minReadySeconds", 0)
    if deadline <= ready:
        yield invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
    if changed(deployment, old, "selector"):
        yield immutable("spec.selector", spec.get("selector"))


def _check_strategy(strategy: Obj, path: str) -> Iterator[FieldError]:
    kind, rolling = strategy["type"], strategy.get("rollingUpdate")
    if kind == "Recreate" and rolling is not None:
        yield forbidden(f"{path}.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
    elif kind == "RollingUpdate":
        yield from _check_rolling(rolling or {}, f"{path}.rollingUpdate")
    elif kind != "Recreate":
        shown = {"Type": kind, "RollingUpdate": rolling and shares_in_go(rolling)}
        yield not_one_of(path, shown, ("Recreate", "RollingUpdate"))


def _check_rolling(rolling: Obj, path: str) -> Iterator[FieldError]:
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    yield from check_int_or_percent(unavailable, f"{path}.maxUnavailable")
    yield from check_int_or_percent(surge, f"{path}.maxSurge")
    if not amount_of(unavailable) and not amount_of(surge):
        yield invalid(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")
    yield from check_not_above(unavailable, f"{path}.maxUnavailable")


def desired(deployment: Obj) -> tuple[Obj, Obj]:
    # Kubernetes counts a change of a Deployment's annotations as a new generation too.
    return deployment["spec"], deployment["metadata"].get("annotations") or {}


RESOURCE = Resource(
    group="apps",
    plural="deployments",
    kind="Deployment",
    short_names=("deploy",),
    categories=("all",),
    subresources=("scale", "status"),
    table=DEPLOYMENTS,
    desired=desired,
    fill=fill,
    rules=rules,
    unsupported=unsupported_template("spec", "template"),
    warnings=template_warnings("spec", "template"),
)
