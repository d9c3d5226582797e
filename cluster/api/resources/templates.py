"""What the kinds that make pods from a template have in common."""

from collections.abc import Callable, Iterator
from typing import Any

from cluster.api.field_errors import FieldError, forbidden, invalid, required
from cluster.api.resources.checks import check_selector
from cluster.api.resources.podspec_rules import check_restarted, check_template
from cluster.api.resources.unsupported import check_pod_spec
from cluster.client import NotImplementedHere, Obj
from cluster.selectors import matches_selector

MISSED = "`selector` does not match template `labels`"
INVALID = "invalid label selector"


def check_selected(spec: Obj, kind: str, kept: str = "", why: str = INVALID) -> Iterator[FieldError]:
    """A selector, and the template whose pods it selects; `why` is said of one that cannot be read.

    `kept`: who keeps the pods running, where that is checked together with the template.
    """
    selector = spec.get("selector")
    if selector is None:
        yield required("spec.selector")
    yield from (wrong := list(check_selector(selector, "spec.selector")))
    if selector is not None and is_empty(selector):
        yield invalid("spec.selector", selector, f"empty selector is invalid for {kind}")
    if wrong:
        yield invalid("spec.selector", _shown(selector or {}), why)
        return
    yield from check_match(spec)
    yield from check_template(spec["template"], "spec.template")
    if kept:
        yield from check_kept_running(spec, kept)


def _shown(selector: Obj) -> Obj:
    """As Go shows it: labels before expressions, and by their names."""
    labels = selector.get("matchLabels")
    first = {"matchLabels": dict(sorted(labels.items()))} if labels else {}
    return {**first, **{name: value for name, value in selector.items() if name != "matchLabels"}}


def is_empty(selector: Obj) -> bool:
    return not selector.get("matchLabels") and not selector.get("matchExpressions")


def check_match(spec: Obj) -> Iterator[FieldError]:
    """An empty selector matches everything, none at all nothing."""
    selector, labels = spec.get("selector"), (spec["template"].get("metadata") or {}).get("labels")
    if selector is None or not (is_empty(selector) or matches_selector(selector, labels)):
        yield invalid("spec.template.metadata.labels", dict(sorted(labels.items())) if labels else None, MISSED)


def check_kept_running(spec: Obj, kind: str) -> Iterator[FieldError]:
    """Pods that are to run for ever are restarted and have no deadline; `kind` is whose they are, in the refusal."""
    yield from check_restarted(spec.get("template") or {}, "spec.template")
    if ((spec.get("template") or {}).get("spec") or {}).get("activeDeadlineSeconds") is not None:
        yield forbidden("spec.template.spec.activeDeadlineSeconds", f"activeDeadlineSeconds in {kind} is not Supported")


def unchanged(obj: Obj, old: Obj | None) -> bool:
    """A spec equal to the old one is not judged again."""
    return old is not None and bool(obj["spec"] == old["spec"])


def changed(obj: Obj, old: Obj | None, name: str) -> Any:
    """Whether a field of the spec is another than before."""
    return old is not None and obj["spec"].get(name) != old["spec"].get(name)


def unsupported_template(*path: str) -> Callable[[Obj], Iterator[NotImplementedHere]]:
    """A check of the pod template found at `path`."""

    def check(obj: Obj) -> Iterator[NotImplementedHere]:
        for key in path:
            obj = obj.get(key) or {}
        return check_pod_spec(obj.get("spec") or {}, f"{'.'.join(path)}.spec")

    return check
