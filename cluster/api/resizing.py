"""pods/resize: the cpu and memory of a pod's containers, changed while they run (KEP-1287).

Whatever else a write to it holds is dropped in silence, as in Kubernetes; what may not become of resources is refused.
"""

from collections.abc import Iterator
from typing import Any

from cluster.api.field_errors import FieldError, forbidden, invalid, refuse
from cluster.api.resources.podspec_rules import check_pod_spec
from cluster.api.resources.qos import qos_class
from cluster.client import Obj

_RESIZABLE = ("cpu", "memory")
_KINDS = ("initContainers", "containers")
_FIXED = "only cpu and memory resources are mutable"


def keep_all_but_resources(new: Obj, old: Obj) -> None:
    """Undo in `new` what is none of a resize; containers that are others than before are left for `check_resize`."""
    wanted = new.get("spec") or {}
    spec = {**old["spec"], **{kind: _resized(wanted, old["spec"], kind) for kind in _KINDS if kind in old["spec"]}}
    new.clear()
    new.update({**old, "metadata": {**old["metadata"]}, "spec": spec})


def check_resize(pod: Obj, old: Obj) -> None:
    """Raise `Invalid` with everything that is wrong with a resize."""
    if errors := list(_errors(pod, old)):
        raise refuse(errors, group="", kind="Pod", name=old["metadata"]["name"])


def _errors(pod: Obj, old: Obj) -> Iterator[FieldError]:
    spec, before = pod["spec"], old["spec"]
    yield from check_pod_spec(spec)
    quality = (old.get("status") or {}).get("qosClass", "")
    if quality != qos_class(spec):
        yield invalid("spec", quality, "Pod QOS Class may not change as a result of resizing")
    if others := [error for kind in _KINDS for error in _others(spec, before, kind)]:
        yield from others
        return
    for kind in _KINDS:
        for i, (container, was) in enumerate(zip(spec.get(kind) or (), before.get(kind) or (), strict=True)):
            yield from _check_container(container, was, kind, i)


def _resized(new: Obj, old: Obj, kind: str) -> list[Obj]:
    wanted, present = new.get(kind) or [], old.get(kind) or []
    if _names(wanted) != _names(present):
        return list(wanted)
    return [_merged(container, was) for container, was in zip(wanted, present, strict=True)]


def _merged(container: Obj, was: Obj) -> Obj:
    """What was there before, with the resources and the policy of what is wanted."""
    free = {name: container[name] for name in ("resources", "resizePolicy") if name in container}
    return {k: v for k, v in was.items() if k not in ("resources", "resizePolicy")} | free


def _others(new: Obj, old: Obj, kind: str) -> Iterator[FieldError]:
    wanted, present = _names(new.get(kind) or []), _names(old.get(kind) or [])
    if len(wanted) != len(present):
        yield forbidden(f"spec.{kind}", f"{kind} may not be added or removed on resize")
        return
    for i, (name, was) in enumerate(zip(wanted, present, strict=True)):
        if name != was:
            yield forbidden(f"spec.{kind}[{i}].name", f"{kind} may not be renamed or reordered on resize")


def _check_container(container: Obj, was: Obj, kind: str, i: int) -> Iterator[FieldError]:
    if kind == "initContainers" and was.get("restartPolicy") != "Always":
        if container != was:
            yield forbidden("spec", "resources for non-sidecar init containers are immutable")
        return
    resources, before = container.get("resources") or {}, was.get("resources") or {}
    for part, noun in (("requests", "resource requests"), ("limits", "resource limits")):
        if (before.get(part) or {}).keys() - (resources.get(part) or {}).keys():
            yield forbidden(f"spec.{kind}[{i}].resources.{part}", f"{noun} cannot be removed")
    if _rest(container) != _rest(was):
        sidecars = f"spec.{kind}[{i}]", "only cpu and memory resources for init or sidecar containers are mutable"
        yield forbidden(*(sidecars if kind == "initContainers" else ("spec", _FIXED)))


def _rest(container: Obj) -> tuple[Any, ...]:
    """What of a container's resources, and of how it is resized, stays as it is."""
    resources = container.get("resources") or {}
    kinds = (resources.get(kind) or {} for kind in ("limits", "requests"))
    others = ({name: q for name, q in amounts.items() if name not in _RESIZABLE} for amounts in kinds)
    return *others, resources.get("claims"), container.get("resizePolicy")


def _names(containers: list[Obj]) -> list[str]:
    return [container.get("name", "") for container in containers]
