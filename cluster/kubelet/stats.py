"""What a kubelet tells of itself over HTTP, at `stats/summary` and `configz`: the parts that are about memory. Pure.

Source: the kubelet's Summary API (k8s.io/kubelet/pkg/apis/stats/v1alpha1), KubeletConfiguration.
"""

from collections.abc import Mapping

from cluster.client import Obj
from cluster.config import MIB, NodeConfig
from cluster.nodeservice import Measured, NodeUsage
from cluster.timestamps import format_time


def configz(node: NodeConfig) -> Obj:
    return {"kubeletconfig": {"evictionHard": {"memory.available": f"{node.eviction_bytes // MIB}Mi"}}}


def summary(node: NodeConfig, used: NodeUsage) -> Obj:
    """The node and its pods; `availableBytes` is what the eviction manager goes by."""
    whole = _started(used.node)
    whole["memory"]["availableBytes"] = max(0, node.memory_bytes - used.node.memory_bytes)
    return {"node": {"nodeName": node.name, **whole}, "pods": [_pod(*key, of) for key, of in used.pods.items() if of]}


def _pod(namespace: str, name: str, containers: Mapping[str, Measured]) -> Obj:
    at, working_set = max(c.at for c in containers.values()), sum(c.memory_bytes for c in containers.values())
    return {
        "podRef": {"name": name, "namespace": namespace},
        "memory": _memory(at, working_set),
        "containers": [{"name": c, **_started(measured)} for c, measured in containers.items()],
    }


def _started(measured: Measured) -> Obj:
    memory = _memory(measured.at, measured.memory_bytes)
    return {"startTime": format_time(measured.started_at), "memory": memory}


def _memory(at: float, working_set: int) -> Obj:
    return {"time": format_time(at), "workingSetBytes": working_set}
