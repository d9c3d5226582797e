"""ReplicationControllers: listed, so that `kubectl get all` works, but never run; Deployments do their work."""

from cluster.api.resource import Resource, spec_of
from cluster.api.resources.unsupported import not_run
from cluster.api.tables.workloads import REPLICATION_CONTROLLERS

RESOURCE = Resource(
    plural="replicationcontrollers",
    kind="ReplicationController",
    short_names=("rc",),
    categories=("all",),
    subresources=("status",),
    table=REPLICATION_CONTROLLERS,
    desired=spec_of,
    unsupported=not_run("ReplicationControllers", "use a Deployment"),
)
