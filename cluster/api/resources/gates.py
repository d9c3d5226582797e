"""Scheduling gates: a pod that has any waits for others to take them away before a scheduler may place it."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, duplicate, forbidden, invalid
from cluster.api.metadata import qualified_name
from cluster.client import Obj

REASON = "SchedulingGated"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def is_gated(spec: Obj) -> bool:
    return bool(spec.get("schedulingGates"))


def blocked(pod: Obj) -> Obj:
    """The condition that a gated pod is born with."""
    return {
        "type": "PodScheduled",
        "status": "False",
        "lastProbeTime": None,
        "lastTransitionTime": pod["metadata"].get("creationTimestamp"),
        "reason": REASON,
        "message": "Scheduling is blocked due to non-empty scheduling gates",
    }


def check_gates(spec: Obj, path: str) -> Iterator[FieldError]:
    names = _names(spec)
    for i, name in enumerate(names):
        at = f"{path}.schedulingGates[{i}]"
        yield from (invalid(at, name, wrong) for wrong in qualified_name(name))
        if name in names[:i]:
            yield duplicate(at, name)


def check_not_placed(spec: Obj) -> Iterator[FieldError]:
    """What is asked of a pod, and of no template."""
    if is_gated(spec) and spec.get("nodeName"):
        yield forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")


def check_gate_change(spec: Obj, old: Obj) -> Iterator[FieldError]:
    """Gates only ever go; while there are any, what narrows the choice of a node may be added."""
    for i, name in enumerate(_names(spec)):
        if name not in _names(old):
            what = f"only deletion is allowed, but found new scheduling gate '{name}'"
            yield forbidden(f"spec.schedulingGates[{i}].name", what)
    if is_gated(old):
        yield from _check_narrower(spec, old)


def narrowed(spec: Obj) -> Obj:
    """The spec without what may change while it is gated."""
    affinity = {k: v for k, v in (spec.get("affinity") or {}).items() if k != "nodeAffinity"}
    return {**{k: v for k, v in spec.items() if k not in ("nodeSelector", "affinity")}, "affinity": affinity}


def _check_narrower(spec: Obj, old: Obj) -> Iterator[FieldError]:
    selector, before = spec.get("nodeSelector") or {}, old.get("nodeSelector") or {}
    if not before.items() <= selector.items():
        yield invalid(
            "spec.nodeSelector", selector, "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        )
    new_terms, old_terms = _terms(spec), _terms(old)
    at = f"spec.affinity.nodeAffinity.{_REQUIRED}.nodeSelectorTerms"
    if old_terms and len(new_terms) != len(old_terms):
        yield invalid(at, new_terms, "no additions/deletions to non-empty NodeSelectorTerms list are allowed")
        return
    for i, (term, was) in enumerate(zip(new_terms, old_terms, strict=False)):
        if not _adds_to(term, was):
            yield invalid(f"{at}[{i}]", term, "only additions are allowed (no mutations or deletions)")


def _adds_to(term: Obj, old: Obj) -> bool:
    """An empty term matches nothing, so that anything added to it would widen the choice."""
    if not (old.get("matchExpressions") or old.get("matchFields")):
        return term == old
    lists = [(term.get(kind) or [], old.get(kind) or []) for kind in ("matchExpressions", "matchFields")]
    return all(new[: len(was)] == was for new, was in lists)


def _names(spec: Obj) -> list[str]:
    return [gate.get("name", "") for gate in spec.get("schedulingGates") or ()]


def _terms(spec: Obj) -> list[Obj]:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    return list((affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ())
