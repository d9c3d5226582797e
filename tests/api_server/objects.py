"""The smallest objects that the API accepts."""

from typing import Any

from cluster.client import Client, Obj


def pod(name: str = "web", *, labels: dict[str, str] | None = None, **spec: Any) -> Obj:
    containers = spec.pop("containers", None) or [{"name": "main", "image": "busybox"}]
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": {"containers": containers, **spec}}


def configmap(name: str = "settings", **data: str) -> Obj:
    return {"metadata": {"name": name}, "data": data}


def with_default_account(client: Client, namespace: str = "default") -> None:
    """What the service account controller does for a namespace."""
    client.create("serviceaccounts", {"metadata": {"name": "default"}}, namespace)


def running_pod(client: Client, name: str = "web", *, node: str = "node1", ready: bool = True, **spec: Any) -> Obj:
    """A pod that a scheduler and a kubelet have taken care of."""
    client.create("pods", pod(name, **spec), "default")
    client.create("pods", {"target": {"kind": "Node", "name": node}}, "default", subresource="binding", name=name)
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}
    return client.patch("pods", name, "default", {"status": status}, subresource="status")
