"""The groups between a node and its pods: one for each class of quality of service but the best.

As the kubelet lays them out. A Guaranteed pod is the node's own child. The Burstable weigh together what they ask for
together; the BestEffort weigh together as little as one of them, however many they are.
"""

from collections.abc import Iterable

from cluster.client import Obj
from cluster.kubelet.resources import shares, total
from cluster.runtime.spec import Limits, Runtime

FOLDERS = {"Guaranteed": (), "Burstable": ("burstable",), "BestEffort": ("besteffort",)}


def group_of(pod: Obj, node: str) -> str:
    """The cgroup of a pod, given its node's."""
    return "/".join((node, *FOLDERS[class_of(pod)], pod["metadata"]["uid"]))


def class_of(pod: Obj) -> str:
    return str((pod.get("status") or {}).get("qosClass", "BestEffort"))


def weigh(runtime: Runtime, node: str, pods: Iterable[Obj]) -> None:
    """Give the classes of a node what these pods, all that are on it, make them worth. Raises OSError."""
    asked = sum(total(pod, "requests", "cpu") for pod in pods if class_of(pod) == "Burstable")
    runtime.create_pod_cgroup(f"{node}/burstable", Limits(cpu_shares=shares(asked)))
    runtime.create_pod_cgroup(f"{node}/besteffort", Limits(cpu_shares=shares(0)))
