"""DaemonSets."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, invalid, not_one_of, required
from cluster.api.metadata import immutable
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import (
    amount_of,
    check_int_or_percent,
    check_not_above,
    check_not_negative,
    check_selector,
    shares_in_go,
)
from cluster.api.resources.pod_warnings import template_warnings
from cluster.api.resources.podspec import fill_template
from cluster.api.resources.podspec_rules import check_template
from cluster.api.resources.status_rules import check_counts
from cluster.api.resources.templates import (
    changed,
    check_kept_running,
    check_match,
    is_empty,
    unchanged,
    unsupported_template,
)
from cluster.api.tables.workloads import DAEMON_SETS
from cluster.client import Obj

# What the version before apps/v1 counted in the spec.
TEMPLATES = "deprecated.daemonset.template.generation"

_COUNTS = (
    *("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady", "observedGeneration"),
    *("updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount"),
)


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
    yield from check_counts(daemon_set, old, _COUNTS)
    if unchanged(daemon_set, old):
        return
    spec = daemon_set["spec"]
    selector = spec.get("selector")
    if changed(daemon_set, old, "selector"):
        yield immutable("spec.selector", selector)
    yield from (wrong := list(check_selector(selector, "spec.selector")))
    yield from () if wrong else check_match(spec)
    if selector is not None and is_empty(selector):
        yield invalid("spec.selector", selector, "empty selector is invalid for daemonset")
    yield from check_template(spec["template"], "spec.template")
    yield from check_kept_running(spec, "DaemonSet")
    yield from check_not_negative(spec, "spec", "minReadySeconds")
    yield from _check_strategy(spec["updateStrategy"], "spec.updateStrategy")
    yield from check_not_negative(spec, "spec", "revisionHistoryLimit")


def _check_strategy(strategy: Obj, path: str) -> Iterator[FieldError]:
    kind, rolling = strategy["type"], strategy.get("rollingUpdate")
    if kind == "RollingUpdate":
        yield from _check_rolling(rolling or {}, f"{path}.rollingUpdate")
    elif kind != "OnDelete":
        shown = {"Type": kind, "RollingUpdate": rolling and shares_in_go(rolling)}
        yield not_one_of(path, shown, ("RollingUpdate", "OnDelete"))


def _check_rolling(rolling: Obj, path: str) -> Iterator[FieldError]:
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    for check in (check_int_or_percent, check_not_above):
        yield from check(unavailable, f"{path}.maxUnavailable")
        yield from check(surge, f"{path}.maxSurge")
    if amount_of(unavailable) and amount_of(surge):
        yield invalid(f"{path}.maxSurge", surge, "may not be set when maxUnavailable is non-zero")
    elif not amount_of(unavailable) and not amount_of(surge):
        yield required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0")


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
    warnings=template_warnings("spec", "template", named=False),
)
