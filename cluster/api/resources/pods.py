"""Pods."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, refuse
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.container_rules import check_image
from cluster.api.resources.gates import blocked, check_gate_change, check_not_placed, is_gated, narrowed
from cluster.api.resources.pod_warnings import pod_warnings
from cluster.api.resources.podspec import all_containers, fill_spec, request_limits
from cluster.api.resources.podspec_rules import check_pod_spec
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


def rules(pod: Obj, old: Obj | None) -> Iterator[FieldError]:
    # Most writes to a pod are its status; the spec that passed once is not judged again.
    if old is None:
        yield from check_pod_spec(pod["spec"])
        yield from check_not_placed(pod["spec"])
        for kind in ("containers", "initContainers"):
            for i, container in enumerate(pod["spec"].get(kind) or ()):
                yield from check_image(container, f"spec.{kind}[{i}]")
        if pod["spec"].get("ephemeralContainers"):
            yield forbidden("spec.ephemeralContainers", "cannot be set on create")
    elif pod["spec"] != old["spec"]:
        yield from check_pod_spec(pod["spec"])
        yield from _check_change(pod["spec"], old["spec"])


def keep_what_subresources_write(pod: Obj, old: Obj) -> None:
    """Only the binding subresource gives a pod its node, and only that of their own adds ephemeral containers."""
    if any(pod["spec"].get(name) != old["spec"].get(name) for name in ("nodeName", "ephemeralContainers")):
        raise refuse([forbidden("spec", ONLY)], group="", kind="Pod", name=old["metadata"]["name"])


def _check_change(spec: Obj, old: Obj) -> Iterator[FieldError]:
    free = narrowed if is_gated(old) else dict
    if _fixed(free(spec)) != _fixed(free(old)):
        yield forbidden("spec", ONLY)
    yield from check_gate_change(spec, old)
    yield from _check_ephemeral(spec.get("ephemeralContainers") or [], old.get("ephemeralContainers") or [])
    kept = spec.get("tolerations") or []
    if any(toleration not in kept for toleration in old.get("tolerations") or ()):
        yield forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")
    deadline, before = spec.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds")
    if before is not None and (deadline is None or deadline > before):
        why = "must be less than or equal to previous value" if deadline else NOT_NIL
        yield invalid("spec.activeDeadlineSeconds", deadline, why)


def _check_ephemeral(new: list[Obj], old: list[Obj]) -> Iterator[FieldError]:
    """They are added, and stay as they are."""
    by_name = {container["name"]: container for container in new}
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
    on_update=keep_what_subresources_write,
    initial_status=initial_status,
    fields=selectable,
    unsupported=unsupported,
    warnings=pod_warnings,
)
