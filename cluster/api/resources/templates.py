"""What the kinds that make pods from a template have in common."""

from collections.abc import Callable, Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, required
from cluster.api.metadata import immutable
from cluster.api.resources.checks import check_not_negative, check_selector
from cluster.api.resources.podspec_rules import check_template
from cluster.api.resources.unsupported import check_pod_spec
from cluster.client import NotImplementedHere, Obj
from cluster.selectors import matches_selector

_NAMES = {"DaemonSet": "daemonset", "StatefulSet": "statefulset"}
MISSED = "`selector` does not match template `labels`"


def check_workload(obj: Obj, old: Obj | None, *restart_policies: str) -> Iterator[FieldError]:
    """Selector, template and replicas; a spec equal to the old one is not judged again."""
    if old is not None and obj["spec"] == old["spec"]:
        return
    spec = obj["spec"]
    yield from check_not_negative(spec, "spec", "replicas", "minReadySeconds")
    yield from check_not_negative(spec.get("ordinals") or {}, "spec.ordinals", "start")
    changed = old is not None and spec.get("selector") != old["spec"].get("selector")
    if changed and obj["kind"] == "DaemonSet":
        yield immutable("spec.selector", spec.get("selector"))
    yield from _check_selector(spec, obj["kind"])
    yield from check_template(spec.get("template") or {}, "spec.template", *(restart_policies or ("Always",)))
    if ((spec.get("template") or {}).get("spec") or {}).get("activeDeadlineSeconds") is not None:
        kind = "StatefulSet" if obj["kind"] == "StatefulSet" else "ReplicaSet"
        why = f"activeDeadlineSeconds in {kind} is not Supported"
        yield forbidden("spec.template.spec.activeDeadlineSeconds", why)
    # A StatefulSet tells all that may not change together.
    if changed and obj["kind"] not in ("DaemonSet", "StatefulSet"):
        yield immutable("spec.selector", spec.get("selector"))


def check_counts(status: Obj | None, *names: str) -> Iterator[FieldError]:
    """The counts of a status: none below zero, none of them above the number of all."""
    status = status or {}
    yield from check_not_negative(status, "status", "replicas", *names, "unavailableReplicas", "observedGeneration")
    for name in names:
        if status.get(name, 0) > status.get("replicas", 0):
            yield invalid(f"status.{name}", status.get(name, 0), "cannot be greater than status.replicas")
    if status.get("availableReplicas", 0) > status.get("readyReplicas", 0):
        yield invalid("status.availableReplicas", status["availableReplicas"], "cannot be greater than readyReplicas")


def _check_selector(spec: Obj, kind: str) -> Iterator[FieldError]:
    selector, labels = spec.get("selector"), (spec.get("template") or {}).get("metadata", {}).get("labels")
    if selector is None:
        yield required("spec.selector")
        yield invalid("spec.template.metadata.labels", labels, MISSED)
        return
    yield from (wrong := list(check_selector(selector, "spec.selector")))
    if wrong:
        if kind in ("Deployment", "StatefulSet"):
            yield invalid("spec.selector", selector, "invalid label selector")
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield invalid("spec.selector", selector, f"empty selector is invalid for {_NAMES.get(kind, 'deployment')}")
    elif not matches_selector(selector, labels):
        yield invalid("spec.template.metadata.labels", labels or None, MISSED)


def unsupported_template(*path: str) -> Callable[[Obj], Iterator[NotImplementedHere]]:
    """A check of the pod template found at `path`."""

    def check(obj: Obj) -> Iterator[NotImplementedHere]:
        for key in path:
            obj = obj.get(key) or {}
        return check_pod_spec(obj.get("spec") or {}, f"{'.'.join(path)}.spec")

    return check
