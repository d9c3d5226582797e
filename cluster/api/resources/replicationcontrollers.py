"""ReplicationControllers: listed, so that `kubectl get all` works, but never run; Deployments do their work."""

from collections.abc import Iterator

from cluster.api.resource import Resource, spec_of
from cluster.api.tables.workloads import REPLICATION_CONTROLLERS
from cluster.client import NotImplementedHere, Obj


def unsupported(_controller: Obj) -> Iterator[NotImplementedHere]:
    yield NotImplementedHere("ReplicationControllers are not run by this cluster; use a Deployment, or a real cluster")


RESOURCE = Resource(
    plural="replicationcontrollers",
    kind="ReplicationController",
    short_names=("rc",),
    categories=("all",),
    subresources=("status",),
    table=REPLICATION_CONTROLLERS,
    desired=spec_of,
    unsupported=unsupported,
)
