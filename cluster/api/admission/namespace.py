"""NamespaceLifecycle: nothing is created in a namespace that does not exist or is going; three may never go."""

from cluster.api.context import Cluster, Write
from cluster.api.errors import forbidden
from cluster.client import NotFound, StatusCause

IMMORTAL = frozenset({"default", "kube-system", "kube-public"})


def namespace_lifecycle(cluster: Cluster, write: Write) -> None:
    if write.operation == "CREATE" and write.resource.namespaced:
        _check_alive(cluster, write)


def namespace_survival(_cluster: Cluster, write: Write) -> None:
    if write.operation == "DELETE" and write.resource.key == "namespaces" and write.name in IMMORTAL:
        raise forbidden(write.resource, write.name, "this namespace may not be deleted")


def _check_alive(cluster: Cluster, write: Write) -> None:
    space = write.namespace
    entry = cluster.store.get("namespaces", "", space)
    if entry is None:
        raise NotFound(f'namespaces "{space}" not found', kind="namespaces", name=space)
    if "deletionTimestamp" in entry.object["metadata"]:
        cause = StatusCause("NamespaceTerminating", f"namespace {space} is being terminated", "metadata.namespace")
        why = f"unable to create new content in namespace {space} because it is being terminated"
        raise forbidden(write.resource, write.name, why, cause)
