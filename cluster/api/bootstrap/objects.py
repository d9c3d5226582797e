"""What every cluster has: namespaces, classes, roles; the Services `kubernetes` and `kube-dns` with endpoints."""

from collections.abc import Iterator

from cluster.api.bootstrap.roles import cluster_role_bindings, cluster_roles
from cluster.client import Obj
from cluster.config import (
    API_ADDRESS,
    API_PORT,
    API_SERVICE_ADDRESS,
    CLUSTER_DOMAIN,
    DNS_ADDRESS,
    DNS_SERVICE_ADDRESS,
)
from cluster.ingress import CLASS, CLASSES, CONTROLLER
from cluster.ingress import DEFAULT_CLASS as DEFAULT_INGRESS_CLASS
from cluster.volumes import DEFAULT_CLASS, FOLDER_PROVISIONER

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
SERVER_NAMES = (
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    f"kubernetes.default.svc.{CLUSTER_DOMAIN}",
    "localhost",
    "127.0.0.1",
    API_SERVICE_ADDRESS,
    API_ADDRESS,
)
"""What the API server may be called by: the names in its certificate."""


def first_objects() -> Iterator[tuple[str, str, Obj]]:
    """(resource, namespace, object) in an order in which they can be created."""
    for name in NAMESPACES:
        yield "namespaces", "", {"metadata": {"name": name}}
    for name, value, what in _PRIORITIES:
        metadata = {"metadata": {"name": name}}
        yield "priorityclasses.scheduling.k8s.io", "", {**metadata, "value": value, "description": what}
    yield "storageclasses.storage.k8s.io", "", _STANDARD_CLASS
    yield CLASSES, "", _INGRESS_CLASS
    for role in cluster_roles():
        yield "clusterroles.rbac.authorization.k8s.io", "", role
    for binding in cluster_role_bindings():
        yield "clusterrolebindings.rbac.authorization.k8s.io", "", binding
    yield from _service("default", "kubernetes", _API_LABELS, API_SERVICE_ADDRESS, API_ADDRESS, _API_PORTS)
    yield from _service("kube-system", "kube-dns", _DNS_LABELS, DNS_SERVICE_ADDRESS, DNS_ADDRESS, _DNS_PORTS)


_PRIORITIES = (
    ("system-cluster-critical", 2_000_000_000, "For pods that the cluster needs, but that may run on any node."),
    ("system-node-critical", 2_000_001_000, "For pods that their node cannot do without."),
)
_STANDARD_CLASS = {
    "metadata": {"name": "standard", "annotations": {DEFAULT_CLASS: "true"}},
    "provisioner": FOLDER_PROVISIONER,
    "reclaimPolicy": "Delete",
    "volumeBindingMode": "WaitForFirstConsumer",
}
_INGRESS_CLASS = {
    "metadata": {"name": CLASS, "annotations": {DEFAULT_INGRESS_CLASS: "true"}},
    "spec": {"controller": CONTROLLER},
}
_Port = tuple[str, str, int, int]
_API_LABELS = {"component": "apiserver", "provider": "kubernetes"}
_API_PORTS: tuple[_Port, ...] = (("https", "TCP", 443, API_PORT),)
_DNS_LABELS = {"k8s-app": "kube-dns", "kubernetes.io/name": "CoreDNS"}
_DNS_PORTS: tuple[_Port, ...] = (("dns", "UDP", 53, 53), ("dns-tcp", "TCP", 53, 53))


def _service(
    namespace: str, name: str, labels: dict[str, str], address: str, backend: str, ports: tuple[_Port, ...]
) -> Iterator[tuple[str, str, Obj]]:
    """A Service without a selector and the endpoints behind it, which no controller touches."""
    metadata = {"name": name, "labels": labels}
    spec = {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address]}
    wanted = [{"name": n, "protocol": p, "port": port, "targetPort": target} for n, p, port, target in ports]
    backends = [{"name": n, "protocol": p, "port": target} for n, p, _, target in ports]
    yield "services", namespace, {"metadata": metadata, "spec": {**spec, "ports": wanted}}
    skip_mirror = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    subsets = [{"addresses": [{"ip": backend}], "ports": backends}]
    yield "endpoints", namespace, {"metadata": {"name": name, "labels": skip_mirror}, "subsets": subsets}
    slice_labels = {"kubernetes.io/service-name": name}
    yield (
        "endpointslices.discovery.k8s.io",
        namespace,
        {
            "metadata": {"name": name, "labels": slice_labels},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [backend], "conditions": {"ready": True}}],
            "ports": backends,
        },
    )
