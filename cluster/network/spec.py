"""What kubelets and boot ask of the network, as values and one protocol."""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cluster.config import NodeConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class PodLink:
    """A pod's place in the network."""

    address: str
    netns: Path


class Network(Protocol):
    """The fabric, the nodes' network namespaces and the pods' links. Lives in the cluster's own namespaces."""

    async def add_node(self, node: NodeConfig) -> None: ...

    async def remove_node(self, name: str) -> None: ...

    async def attach(self, node: str, pod_uid: str) -> PodLink:
        """A fresh namespace with loopback up, eth0 with a /32 of the node's range, and a route to all others.

        The NetworkPolicies that select the pod are in force when this returns. Raises OSError; then nothing is left.
        """
        ...

    async def detach(self, node: str, pod_uid: str) -> None: ...

    def node_netns(self, node: str) -> Path: ...

    def pod_socket(self, netns: Path, family: int, kind: int) -> socket.socket:
        """A non-blocking socket born in a pod's namespace: how forwarded ports reach what listens on its loopback."""
        ...

    def socket(self, node: str, family: int, kind: int) -> socket.socket:
        """The same, born in the node's namespace: how the kubelet's probes leave from the node."""
        ...
