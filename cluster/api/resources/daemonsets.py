"""DaemonSets."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, invalid, required
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import check_enum, check_int_or_percent, check_not_negative
from cluster.api.resources.pod_warnings import template_warnings
from cluster.api.resources.podspec import fill_template
from cluster.api.resources.templates import check_workload, unsupported_template
from cluster.api.tables.workloads import DAEMON_SETS
from cluster.client import NotImplementedHere, Obj

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
    yield from check_not_negative(daemon_set["spec"], "spec", "revisionHistoryLimit")
    strategy, path = daemon_set["spec"]["updateStrategy"], "spec.updateStrategy"
    yield from check_enum(strategy, path, "type", ("OnDelete", "RollingUpdate"))
    for name, value in (strategy.get("rollingUpdate") or {}).items():
        yield from check_int_or_percent(value, f"{path}.rollingUpdate.{name}")
    counts = {name: str(value).rstrip("%") for name, value in (strategy.get("rollingUpdate") or {}).items()}
    if set(counts.values()) == {"0"}:
        yield required(f"{path}.rollingUpdate.maxUnavailable", "cannot be 0 when maxSurge is 0")
    elif counts and "0" not in counts.values():
        surge = strategy["rollingUpdate"]["maxSurge"]
        yield invalid(f"{path}.rollingUpdate.maxSurge", surge, "may not be set when maxUnavailable is non-zero")


def initial_status(_daemon_set: Obj) -> Obj:
    return {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0}


def unsupported(daemon_set: Obj) -> Iterator[NotImplementedHere]:
    yield from unsupported_template("spec", "template")(daemon_set)
    surge = (daemon_set["spec"]["updateStrategy"].get("rollingUpdate") or {}).get("maxSurge", 0)
    if surge not in (0, "0%"):
        yield NotImplementedHere(
            "spec.updateStrategy.rollingUpdate.maxSurge is not supported by this cluster: daemon pods are replaced by "
            "maxUnavailable; remove it or use a real cluster"
        )


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
    unsupported=unsupported,
    warnings=template_warnings("spec", "template"),
)
