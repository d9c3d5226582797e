"""The plan of one embedded cluster: its nodes, addresses and where its files are. Values only."""

from dataclasses import dataclass, field
from pathlib import Path

MIB = 1024 * 1024

# 198.18.0.0/15 is set aside for tests of network devices (RFC 2544): no real host is ever there.
POD_RANGE = "198.18.0.0/16"
SERVICE_RANGE = "198.19.0.0/17"
API_SERVICE_ADDRESS = "198.19.0.1"
DNS_SERVICE_ADDRESS = "198.19.0.10"
FABRIC_RANGE = "198.19.255.0/24"
API_ADDRESS = "198.19.255.254"
DNS_ADDRESS = "198.19.255.253"
INGRESS_ADDRESS = "198.19.255.252"
API_PORT = 6443
NODE_PORTS = range(30000, 32768)
CLUSTER_DOMAIN = "cluster.local"
IMAGES = "images"
"""The folder of loaded images in a cluster's state (see `cluster.runtime.loaded`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """One node. `index` (from 1) gives its addresses: 198.19.255.<index> and pods in 198.18.<index>.0/24."""

    name: str
    index: int
    zone: str
    """Where it says it is; "" for nowhere in particular."""
    cpu_millis: int = 2000
    memory_bytes: int = 1024 * MIB
    eviction_bytes: int = 100 * MIB
    """With less memory available its kubelet evicts (evictionHard: memory.available); so much is kept from pods."""
    max_pods: int = 110

    @property
    def address(self) -> str:
        return f"198.19.255.{self.index}"

    @property
    def pod_range(self) -> str:
        return f"198.18.{self.index}.0/24"

    @property
    def gateway(self) -> str:
        """The node's own address inside its pod range; what pods see as the source of probes."""
        return f"198.18.{self.index}.1"


DEFAULT_NODES = (
    NodeConfig(name="node1", index=1, zone="zone-a"),
    NodeConfig(name="node2", index=2, zone="zone-b"),
    NodeConfig(name="node3", index=3, zone="zone-a"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfig:
    """One cluster. `id` is unique on the machine and prefixes every name that the kernel knows us by."""

    id: str
    state_dir: Path
    """On disk, removed at the end: kubeconfig, container upper layers, emptyDirs, logs."""
    nodes: tuple[NodeConfig, ...] = field(default=DEFAULT_NODES)
    node_grace_seconds: float = 40.0
    """How long a node may be silent before it is Unknown (kube-controller-manager: node-monitor-grace-period)."""

    @property
    def cgroup(self) -> str:
        """Relative to the root of each cgroup hierarchy; nodes are its children."""
        return f"seawall-{self.id}"
