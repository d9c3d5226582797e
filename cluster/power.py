"""The machine room: a node loses its power, and gets it back, as its annotation says.

To the API a machine without power is one that has fallen silent: nobody tells it, its pods stay as they were last
reported, and what follows (Unknown, the taints, evictions) is the node controller's to find out. Whoever may write to
a Node may cut it off:

    kubectl annotate node node2 seawall.dev/power=off --overwrite
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from cluster.client import Client, Obj
from cluster.config import NodeConfig
from cluster.kubelet.kubelet import Kubelet
from cluster.kubelet.node import POWER
from cluster.network.spec import Network

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineRoom:
    """All machines of a cluster. `kubelets` holds those that are on, for the API server to find."""

    network: Network
    kubelets: dict[str, Kubelet]
    new_kubelet: Callable[[NodeConfig], Kubelet]
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]

    async def switch_on(self, node: NodeConfig) -> None:
        """Cable it, and start its kubelet. Raises OSError."""
        await self.network.add_node(node)
        kubelet = self.kubelets[node.name] = self.new_kubelet(node)
        self.spawn(kubelet.run())

    async def switch_off(self, node: NodeConfig) -> None:
        """The cable before the processes: nobody hears a last word of what dies there."""
        kubelet = self.kubelets.pop(node.name)
        kubelet.fall_silent()
        await self.network.remove_node(node.name)
        await kubelet.die()

    async def run(self, client: Client, nodes: Iterable[NodeConfig]) -> None:
        """Do as the annotations say, for ever."""
        known = {node.name: node for node in nodes}
        async for event in client.watch("nodes"):
            node = known.get(event.object["metadata"]["name"])
            if node is None or event.type == "DELETED":
                continue
            if has_power(event.object) == (node.name in self.kubelets):
                continue
            log.info("%s: power %s", node.name, "on" if has_power(event.object) else "off")
            await (self.switch_on(node) if has_power(event.object) else self.switch_off(node))


def has_power(node: Obj) -> bool:
    return (node["metadata"].get("annotations") or {}).get(POWER) != "off"
