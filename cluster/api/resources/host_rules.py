"""What a pod may not ask for beside its node's own namespaces. Source: the messages of Kubernetes' pod validation."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, invalid
from cluster.client import Obj


def check_host_ports(spec: Obj, path: str) -> Iterator[FieldError]:
    """In the node's network a container's port is the node's; a template may leave it open."""
    for i, container in enumerate(spec.get("containers") or () if spec.get("hostNetwork") else ()):
        for j, port in enumerate(container.get("ports") or ()):
            if port.get("hostPort") and port["hostPort"] != port.get("containerPort"):
                at = f"{path}.containers[{i}].ports[{j}].hostPort"
                yield invalid(at, port["hostPort"], "must match `containerPort` when `hostNetwork` is true")
