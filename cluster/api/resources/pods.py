"""Pods."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, refuse
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.closed_gates import drop_annotations
from cluster.api.resources.container_rules import check_image
from cluster.api.resources.gates import blocked, check_gate_change, check_not_placed, is_gated, narrowed
from cluster.api.resources.pod_warnings import pod_warnings
from cluster.api.resources.podspec import all_containers, fill_spec, request_limits
from cluster.api.resources.podspec_rules import check_pod_annotations, check_pod_spec
from cluster.api.resources.qos import qos_class
from cluster.api.resources.unsupported import check_pod_spec as refuse_unsupported
from cluster.api.tables.pods import TABLE
from cluster.client import NotImplementedHere, Obj

ONLY = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


_FREE = ("activeDeadlineSeconds", "tolerations", "nodeName", "schedulingGates")
"""Fields of a spec with rules of their own for what may become of them."""

NOT_NIL = "must not update from a positive integer to nil value"


def fill(pod: Obj) -> None:
    drop_annotations(pod.setdefault("metadata", {}))
    spec = pod.setdefault("spec", {})
    fill_spec(spec)
    request_limits(spec)
    if spec.get("hostNetwork"):
        _fill_host_ports(spec)
    if spec.get("enableServiceLinks") is None:
        spec["enableServiceLinks"] = True


def _fill_host_ports(spec: Obj) -> None:
    """In the node's network a port is the node's."""
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        for port in container.get("ports") or ():
            port["hostPort"] = port.get("hostPort") or port.get("containerPort")


def initial_status(pod: Obj) -> Obj:
    conditions = {"conditions": [blocked(pod)]} if is_gated(pod["spec"]) else {}
    return {"phase": "Pending", **conditions, "qosClass": qos_class(pod["spec"])}


def merge_label_keys(pod: Obj) -> None:
    """What is compared with a pod's own labels is from then on part of the selector (KEPs 3243 and 3633)."""
    spec, labels = pod["spec"], pod["metadata"].get("labels") or {}
    affinity = spec.get("affinity") or {}
    terms = [term for kind in ("podAffinity", "podAntiAffinity") for term in _terms(affinity.get(kind) or {})]
    for holder in (*terms, *(spec.get("topologySpreadConstraints") or ())):
        keys = [(key, "In") for key in holder.get("matchLabelKeys") or ()]
        keys += [(key, "NotIn") for key in holder.get("mismatchLabelKeys") or ()]
        added = [{"key": key, "operator": how, "values": [labels[key]]} for key, how in keys if key in labels]
        if added and (selector := holder.get("labelSelector")) is not None:
            selector["matchExpressions"] = [*(selector.get("matchExpressions") or ()), *added]


def _terms(affinity: Obj) -> Iterator[Obj]:
    required, preferred = (f"{how}DuringSchedulingIgnoredDuringExecution" for how in ("required", "preferred"))
    yield from affinity.get(required) or ()
    yield from (weighted.get("podAffinityTerm") or {} for weighted in affinity.get(preferred) or ())


def rules(pod: Obj, old: Obj | None) -> Iterator[FieldError]:
    # Most writes to a pod are its status; the spec that passed once is not judged again.
    metadata, spec = pod["metadata"], pod["spec"]
    if old is None or metadata.get("annotations") != old["metadata"].get("annotations"):
        yield from check_pod_annotations(metadata.get("annotations") or {}, "metadata.annotations")
    if old is None:
        yield from _check_whole(spec)
        if spec.get("ephemeralContainers"):
            yield forbidden("spec.ephemeralContainers", "cannot be set on create")
        yield from check_not_placed(spec)
    elif spec != old["spec"]:
        yield from _check_whole(spec)
        yield from _check_change(spec, old["spec"])


def _check_whole(spec: Obj) -> Iterator[FieldError]:
    yield from check_pod_spec(spec)
    for kind in ("containers", "initContainers"):
        for i, container in enumerate(spec.get(kind) or ()):
            yield from check_image(container, f"spec.{kind}[{i}]")


def keep_what_subresources_write(pod: Obj, old: Obj) -> None:
    """Only the binding subresource gives a pod its node, and only that of their own adds ephemeral containers."""
    if any(pod["spec"].get(name) != old["spec"].get(name) for name in ("nodeName", "ephemeralContainers")):
        raise refuse([forbidden("spec", ONLY)], group="", kind="Pod", name=old["metadata"]["name"])


def _check_change(spec: Obj, old: Obj) -> Iterator[FieldError]:
    for kind in ("containers", "initContainers"):
        if len(spec.get(kind) or ()) != len(old.get(kind) or ()):
            yield forbidden(f"spec.{kind}", "pod updates may not add or remove containers")
            return
    yield from (wrong := list(_check_deadline(spec.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds"))))
    if wrong and spec.get("activeDeadlineSeconds") is not None:
        return
    kept = [_without_seconds(toleration) for toleration in spec.get("tolerations") or ()]
    if any(_without_seconds(toleration) not in kept for toleration in old.get("tolerations") or ()):
        yield forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")
    yield from check_gate_change(spec, old)
    yield from _check_ephemeral(spec.get("ephemeralContainers") or [], old.get("ephemeralContainers") or [])
    free = narrowed if is_gated(old) else dict
    if _fixed(free(_with_grace(spec, old))) != _fixed(free(old)):
        yield forbidden("spec", ONLY)


def _check_deadline(deadline: int | None, before: int | None) -> Iterator[FieldError]:
    """A deadline may come nearer, and be set where there was none."""
    if deadline is not None and not 0 <= deadline < 2**31:
        yield invalid("spec.activeDeadlineSeconds", deadline, f"must be between 0 and {2**31 - 1}, inclusive")
    elif before is not None and (deadline is None or deadline > before):
        why = NOT_NIL if deadline is None else "must be less than or equal to previous value"
        yield invalid("spec.activeDeadlineSeconds", deadline, why)


def _without_seconds(toleration: Obj) -> Obj:
    return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}


def _with_grace(spec: Obj, old: Obj) -> Obj:
    """A grace period below zero counts as one second, and may be written so."""
    name = "terminationGracePeriodSeconds"
    mended = (old.get(name) or 0) < 0 and spec.get(name) == 1
    return {**spec, name: old[name]} if mended else spec


def _check_ephemeral(new: list[Obj], old: list[Obj]) -> Iterator[FieldError]:
    """They are added, and stay as they are."""
    by_name = {container.get("name", ""): container for container in new}
    for container in old:
        if container["name"] not in by_name:
            what = f'existing ephemeral containers "{container["name"]}" may not be removed\n'
            yield forbidden("spec.ephemeralContainers", what)
        elif by_name[container["name"]] != container:
            what = f'existing ephemeral containers "{container["name"]}" may not be changed'
            yield forbidden("spec.ephemeralContainers", what)


def _fixed(spec: Obj) -> Obj:
    free = {*_FREE, "containers", "initContainers", "ephemeralContainers"}
    settled = {**spec, "ephemeralContainers": []}
    containers = [{k: v for k, v in container.items() if k != "image"} for container in all_containers(settled)]
    return {**{k: v for k, v in spec.items() if k not in free}, "containers": containers}


def selectable(pod: Obj) -> dict[str, str]:
    spec, status = pod.get("spec", {}), pod.get("status", {})
    return {
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.restartPolicy": spec.get("restartPolicy", ""),
        "spec.schedulerName": spec.get("schedulerName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "spec.hostNetwork": str(bool(spec.get("hostNetwork"))).lower(),
        "status.phase": status.get("phase", ""),
        "status.podIP": status.get("podIP", ""),
        "status.nominatedNodeName": status.get("nominatedNodeName", ""),
    }


def unsupported(pod: Obj) -> Iterator[NotImplementedHere]:
    return refuse_unsupported(pod["spec"])


RESOURCE = Resource(
    plural="pods",
    kind="Pod",
    short_names=("po",),
    categories=("all",),
    subresources=(
        "attach",
        "binding",
        "ephemeralcontainers",
        "eviction",
        "exec",
        "log",
        "portforward",
        "proxy",
        "resize",
        "status",
    ),
    table=TABLE,
    desired=spec_of,
    fill=fill,
    rules=rules,
    on_create=merge_label_keys,
    on_update=keep_what_subresources_write,
    initial_status=initial_status,
    fields=selectable,
    unsupported=unsupported,
    warnings=pod_warnings,
)
