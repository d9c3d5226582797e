"""Deployments."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_enum, check_int_or_percent, check_not_above, check_not_negative
from cluster.api.resources.pod_warnings import template_warnings
from cluster.api.resources.podspec import fill_template
from cluster.api.resources.templates import check_counts, check_workload, unsupported_template
from cluster.api.tables.workloads import DEPLOYMENTS
from cluster.client import Obj


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
    if old is not None and deployment.get("status") != old.get("status"):
        yield from check_counts(deployment.get("status"), "updatedReplicas", "readyReplicas", "availableReplicas")
    yield from check_workload(deployment, old)
    yield from _check_strategy(deployment["spec"]["strategy"], "spec.strategy")
    yield from check_not_negative(deployment["spec"], "spec", "revisionHistoryLimit")
    deadline, ready = deployment["spec"]["progressDeadlineSeconds"], deployment["spec"].get("minReadySeconds", 0)
    if deadline <= ready:
        yield invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def _check_strategy(strategy: Obj, path: str) -> Iterator[FieldError]:
    yield from check_enum(strategy, path, "type", ("Recreate", "RollingUpdate"))
    rolling = strategy.get("rollingUpdate")
    if strategy["type"] == "Recreate" and rolling is not None:
        yield forbidden(f"{path}.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
        return
    unavailable = (rolling or {}).get("maxUnavailable")
    yield from check_int_or_percent(unavailable, f"{path}.rollingUpdate.maxUnavailable")
    yield from check_int_or_percent((rolling or {}).get("maxSurge"), f"{path}.rollingUpdate.maxSurge")
    if rolling and {str(v).rstrip("%") for v in rolling.values()} == {"0"}:
        yield invalid(f"{path}.rollingUpdate.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")
    yield from check_not_above(unavailable, f"{path}.rollingUpdate.maxUnavailable")


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
