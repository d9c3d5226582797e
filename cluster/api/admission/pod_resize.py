"""PodResizeValidator: nobody asks more of a node, by a resize, than it could ever give."""

from collections.abc import Iterator

from cluster.api.context import Cluster, Write
from cluster.api.errors import forbidden
from cluster.client import Obj, StatusCause
from cluster.quantity import millis, to_bytes
from cluster.quota import pod_resources


def pod_resize(cluster: Cluster, write: Write) -> None:
    if not write.is_resize or write.old is None:
        return
    name = write.obj["spec"].get("nodeName")
    if not name or write.obj["spec"] == write.old["spec"]:
        return
    node = cluster.store.get("nodes", "", name)
    if node is None:
        raise forbidden(write.resource, write.name, f'node "{name}" not found')
    if missing := list(beyond(write.obj["spec"], node.object["status"].get("allocatable") or {})):
        why = f"node didn't have enough allocatable resources: {'; '.join(missing)}"
        raise forbidden(write.resource, write.name, why, StatusCause("NodeCapacity", ""))


def beyond(spec: Obj, allocatable: dict[str, str]) -> Iterator[str]:
    """What a pod requests beyond all that its node has. Pure."""
    requests = pod_resources(spec)["requests"]
    for name, measure in (("cpu", millis), ("memory", to_bytes)):
        wanted, room = measure(requests.get(name, "0")), measure(allocatable.get(name, "0"))
        if wanted > room:
            yield f"{name}, requested: {wanted}, allocatable: {room}"
