"""What the kinds that make pods from a template have in common."""

from collections.abc import Callable, Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, required
from cluster.api.metadata import immutable
from cluster.api.resources.checks import check_not_negative, check_selector
from cluster.api.resources.podspec_rules import check_template
from cluster.api.resources.unsupported import check_pod_spec
from cluster.client import NotImplementedHere, Obj
from cluster.selectors import matches_selector

MISSED = "`selector` does not match template `labels`"


def check_workload(obj: Obj, old: Obj | None, *restart_policies: str) -> Iterator[FieldError]:
    """Selector, template and replicas; a spec equal to the old one is not judged again."""
    if old is not None and obj["spec"] == old["spec"]:
        return
    spec = obj["spec"]
    yield from check_not_negative(spec, "spec", "replicas", "minReadySeconds", "revisionHistoryLimit")
    changed = old is not None and spec.get("selector") != old["spec"].get("selector")
    if changed and obj["kind"] == "DaemonSet":
        yield immutable("spec.selector", spec.get("selector"))
    yield from _check_selector(spec)
    yield from check_template(spec.get("template") or {}, "spec.template", *(restart_policies or ("Always",)))
    if ((spec.get("template") or {}).get("spec") or {}).get("activeDeadlineSeconds") is not None:
        yield forbidden(
            "spec.template.spec.activeDeadlineSeconds", "activeDeadlineSeconds in ReplicaSet is not Supported"
        )
    # A StatefulSet tells all that may not change together.
    if changed and obj["kind"] not in ("DaemonSet", "StatefulSet"):
        yield immutable("spec.selector", spec.get("selector"))


def _check_selector(spec: Obj) -> Iterator[FieldError]:
    selector, labels = spec.get("selector"), (spec.get("template") or {}).get("metadata", {}).get("labels")
    if selector is None:
        yield required("spec.selector")
        yield invalid("spec.template.metadata.labels", labels, MISSED)
        return
    yield from check_selector(selector, "spec.selector")
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield invalid("spec.selector", selector, "empty selector is invalid for deployment")
    elif not matches_selector(selector, labels):
        yield invalid("spec.template.metadata.labels", labels or None, MISSED)


def unsupported_template(*path: str) -> Callable[[Obj], Iterator[NotImplementedHere]]:
    """A check of the pod template found at `path`."""

    def check(obj: Obj) -> Iterator[NotImplementedHere]:
        for key in path:
            obj = obj.get(key) or {}
        return check_pod_spec(obj.get("spec") or {}, f"{'.'.join(path)}.spec")

    return check
