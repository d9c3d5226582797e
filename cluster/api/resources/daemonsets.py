"""DaemonSets."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, invalid, required
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import check_enum, check_int_or_percent
from cluster.api.resources.pod_warnings import template_warnings
from cluster.api.resources.podspec import fill_template
from cluster.api.resources.templates import check_workload, unsupported_template
from cluster.api.tables.workloads import DAEMON_SETS
from cluster.client import Obj

# What the version before apps/v1 counted in the spec.
TEMPLATES = "deprecated.daemonset.template.generation"


def fill(daemon_set: Obj) -> None:
    metadata = daemon_set.setdefault("metadata", {})
    metadata["annotations"] = {TEMPLATES: "1"} | (metadata.get("annotations") or {})
    spec = daemon_set.setdefault("spec", {})
    fill_template(spec.setdefault("template", {}))
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy["rollingUpdate"] = {"maxUnavailable": 1, "maxSurge": 0} | (strategy.get("rollingUpdate") or {})
    spec.setdefault("revisionHistoryLimit", 10)


def count_templates(new: Obj, old: Obj) -> None:
    changed = new["spec"].get("template") != old["spec"].get("template")
    so_far = int((old["metadata"].get("annotations") or {}).get(TEMPLATES, "1"))
    new["metadata"]["annotations"][TEMPLATES] = str(so_far + changed)


def rules(daemon_set: Obj, old: Obj | None) -> Iterator[FieldError]:
    yield from check_workload(daemon_set, old)
    strategy, path = daemon_set["spec"]["updateStrategy"], "spec.updateStrategy"
    yield from check_enum(strategy, path, "type", ("OnDelete", "RollingUpdate"))
    for name, value in (strategy.get("rollingUpdate") or {}).items():
        yield from check_int_or_percent(value, f"{path}.rollingUpdate.{name}")
    rolling = strategy.get("rollingUpdate") or {}
    moving = {name for name, value in rolling.items() if str(value).rstrip("%") != "0"}
    if rolling and not moving:
        yield required(f"{path}.rollingUpdate.maxUnavailable", "cannot be 0 when maxSurge is 0")
    if moving == {"maxSurge", "maxUnavailable"}:
        why = "may not be set when maxUnavailable is non-zero"
        yield invalid(f"{path}.rollingUpdate.maxSurge", rolling["maxSurge"], why)


def initial_status(_daemon_set: Obj) -> Obj:
    return {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0}


RESOURCE = Resource(
    group="apps",
    plural="daemonsets",
    kind="DaemonSet",
    short_names=("ds",),
    categories=("all",),
    subresources=("status",),
    table=DAEMON_SETS,
    desired=spec_of,
    fill=fill,
    on_update=count_templates,
    rules=rules,
    initial_status=initial_status,
    unsupported=unsupported_template("spec", "template"),
    warnings=template_warnings("spec", "template"),
)
