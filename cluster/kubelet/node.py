"""The Node object and its Lease, as a real kubelet registers them. Pure."""

import platform
import uuid
from collections.abc import Iterable, Iterator

from cluster.client import Obj
from cluster.config import ClusterConfig, NodeConfig
from cluster.timestamps import format_micro_time, format_time

KUBELET_VERSION = "v1.36.2+seawall"
LEASE_NAMESPACE = "kube-node-lease"
LEASE_SECONDS = 40
POWER = "seawall.dev/power"
"""The annotation by which a node can be cut off: "off", or "on" (see `cluster.power`)."""

# type -> (reason and message when the pressure is on, and when it is off)
_CONDITIONS = {
    "MemoryPressure": (
        ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
        ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ),
    "DiskPressure": (
        ("KubeletHasDiskPressure", "kubelet has disk pressure"),
        ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ),
    "PIDPressure": (
        ("KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
        ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ),
}


def node_object(node: NodeConfig, config: ClusterConfig) -> Obj:
    """What is registered; its status is written separately."""
    architecture = _architecture()
    labels = {
        "beta.kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
    }
    if node.zone:
        labels |= {
            "topology.kubernetes.io/zone": node.zone,
            "topology.kubernetes.io/region": f"seawall-{config.id}",
        }
    annotations = {"node.alpha.kubernetes.io/ttl": "0", POWER: "on"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": labels, "annotations": annotations},
        "spec": {
            "podCIDR": node.pod_range,
            "podCIDRs": [node.pod_range],
            "providerID": f"seawall://{config.id}/{node.name}",
        },
    }


def node_status(node: NodeConfig, config: ClusterConfig, *, pressure: bool, before: Iterable[Obj], now: float) -> Obj:
    """The whole status; `before` are the conditions that the API has now, for their transition times."""
    known = {condition["type"]: condition for condition in before}
    return {
        "capacity": _amounts(node, node.memory_bytes),
        "allocatable": allocatable(node),
        "conditions": [_condition(*c, known, now) for c in _wanted(pressure=pressure)],
        "addresses": [{"type": "InternalIP", "address": node.address}, {"type": "Hostname", "address": node.name}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": _info(node, config),
    }


def says_other(known: Obj, status: Obj) -> bool:
    """Whether the status that the API has differs from `status` in more than when it was told."""
    return any(_untimed(known.get(field)) != _untimed(value) for field, value in status.items())


def allocatable(node: NodeConfig) -> dict[str, str]:
    """What pods may request."""
    return _amounts(node, node.memory_bytes - node.eviction_bytes)


def lease(node: NodeConfig, uid: str, now: float) -> Obj:
    """The heartbeat; renewed every ten seconds."""
    owner = {"apiVersion": "v1", "kind": "Node", "name": node.name, "uid": uid}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": node.name, "namespace": LEASE_NAMESPACE, "ownerReferences": [owner]},
        "spec": {
            "holderIdentity": node.name,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": format_micro_time(now),
        },
    }


def _wanted(*, pressure: bool) -> Iterator[tuple[str, str, str, str]]:
    for kind, (on, off) in _CONDITIONS.items():
        if kind == "MemoryPressure" and pressure:
            yield kind, "True", *on
        else:
            yield kind, "False", *off
    yield "Ready", "True", "KubeletReady", "kubelet is posting ready status"


def _condition(kind: str, status: str, reason: str, message: str, known: dict[str, Obj], now: float) -> Obj:
    old = known.get(kind)
    since = old["lastTransitionTime"] if old and old["status"] == status else format_time(now)
    return {
        "type": kind,
        "status": status,
        "lastHeartbeatTime": format_time(now),
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }


def _untimed(part: object) -> object:
    if not isinstance(part, list):
        return part
    return [{k: v for k, v in entry.items() if k not in ("lastHeartbeatTime", "lastTransitionTime")} for entry in part]


def _amounts(node: NodeConfig, memory_bytes: int) -> dict[str, str]:
    cpu = str(node.cpu_millis // 1000) if node.cpu_millis % 1000 == 0 else f"{node.cpu_millis}m"
    return {
        "cpu": cpu,
        "ephemeral-storage": "10485760Ki",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": f"{memory_bytes // 1024}Ki",
        "pods": str(node.max_pods),
    }


def _info(node: NodeConfig, config: ClusterConfig) -> Obj:
    identity = uuid.uuid5(uuid.NAMESPACE_DNS, f"{node.name}.{config.id}.seawall")
    return {
        "machineID": identity.hex,
        "systemUUID": identity.hex,
        "bootID": str(identity),
        "kernelVersion": platform.release(),
        "osImage": _os_image(),
        "containerRuntimeVersion": "runc://1.1",
        "kubeletVersion": KUBELET_VERSION,
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": _architecture(),
    }


def _os_image() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return "Linux"


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
