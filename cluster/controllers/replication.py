"""ReplicationControllers: ReplicaSets under an older name, with events from a controller of their own."""

from cluster.controllers.context import Context
from cluster.controllers.loop import Controller
from cluster.controllers.replicaset import replicating


def controller(context: Context) -> Controller:
    return replicating(
        context, kind="ReplicationController", resource="replicationcontrollers", source="replication-controller"
    )
