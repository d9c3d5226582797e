"""What a pod says of the machine that it shares: which of its names and namespaces go together."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, too_long
from cluster.api.metadata import subdomain
from cluster.api.resources.checks import check_name
from cluster.client import Obj

_SHARED = {"hostNetwork": "hostNetwork", "hostPID": "HostPID", "hostIPC": "HostIPC"}
_OVERRIDE_MAX = 64


def check_host(spec: Obj, path: str) -> Iterator[FieldError]:
    if spec.get("hostUsers") is False:
        shared = (shown for name, shown in _SHARED.items() if spec.get(name))
        yield from (forbidden(f"{path}.{shown}", "when `hostUsers` is false") for shown in shared)
    if spec.get("hostnameOverride") is not None:
        yield from _check_override(spec, f"{path}.hostnameOverride")


def check_host_ports(spec: Obj, path: str) -> Iterator[FieldError]:
    """In the node's network a container's port is the node's; a template may leave it open."""
    for i, container in enumerate(spec.get("containers") or () if spec.get("hostNetwork") else ()):
        for j, port in enumerate(container.get("ports") or ()):
            if port.get("hostPort") and port["hostPort"] != port.get("containerPort"):
                at = f"{path}.containers[{i}].ports[{j}].hostPort"
                yield invalid(at, port["hostPort"], "must match `containerPort` when `hostNetwork` is true")


def _check_override(spec: Obj, path: str) -> Iterator[FieldError]:
    for name in ("setHostnameAsFQDN", "hostNetwork"):
        if spec.get(name):
            yield forbidden(path, f"may not be specified when {name} is true")
    if len(spec["hostnameOverride"].encode()) > _OVERRIDE_MAX:
        yield too_long(path, _OVERRIDE_MAX)
    yield from check_name(spec["hostnameOverride"], path, subdomain)
