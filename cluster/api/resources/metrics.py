"""What nodes and pods use (metrics.k8s.io): computed when asked for, never stored."""

from cluster.api.resource import Resource
from cluster.api.tables.metrics import NODES, PODS

_READ = ("get", "list")

NODE_METRICS = Resource(
    group="metrics.k8s.io",
    version="v1beta1",
    plural="nodes",
    kind="NodeMetrics",
    namespaced=False,
    verbs=_READ,
    table=NODES,
)
POD_METRICS = Resource(
    group="metrics.k8s.io", version="v1beta1", plural="pods", kind="PodMetrics", verbs=_READ, table=PODS
)
