"""kube-proxy for all nodes at once: watches Services and EndpointSlices, keeps every node's rules."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping

from cluster.client import Client
from cluster.network import facts, services
from cluster.network.conntrack import Backend, forget_udp_flows
from cluster.network.facts import Key, Slice
from cluster.network.keeper import Keeper
from cluster.network.links import LinuxNetwork
from cluster.network.mirror import Mirror
from cluster.network.ruleset import Ruleset, merged


class ServiceProxy:
    """Connections to Services reach their endpoints, from every pod, every node and the fabric. `run` it for ever."""

    def __init__(self, client: Client, network: LinuxNetwork) -> None:
        self._network = network
        self._keeper = Keeper(network, services.TABLE, self._frame, self._plan, self._forget)
        self._services = Mirror(client, "services", facts.service, self._changed)
        self._slices = Mirror(client, "endpointslices.discovery.k8s.io", facts.endpoint_slice, self._changed)
        self._pods = Mirror(client, "pods", facts.host_ports, self._changed)
        self._udp: frozenset[Backend] = frozenset()
        network.on_nodes.append(self._keeper.changed)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for part in (self._services, self._slices, self._pods, self._keeper):
                group.create_task(part.run())

    async def settled(self) -> None:
        """Until all that was seen by now is in force. Raises TimeoutError."""
        await self._keeper.settled()

    def _changed(self, _key: Key) -> None:
        self._keeper.changed()

    def _frame(self, node: str) -> str:
        return services.frame(self._network.node_address(node))

    def _plan(self, nodes: Iterable[str]) -> Mapping[str, Ruleset]:
        nodes = tuple(nodes)
        plan = services.contents(self._services.facts.values(), self._by_service(), nodes)
        pods = self._pods.facts.values()
        used = {pod.node for pod in pods}
        own = {node: merged([plan[node], services.host_contents(pods, node)]) for node in nodes if node in used}
        return {**plan, **own}

    def _by_service(self) -> dict[Key, tuple[Slice, ...]]:
        found: dict[Key, tuple[Slice, ...]] = defaultdict(tuple)
        for one in self._slices.facts.values():
            found[one.service] += (one,)
        return found

    async def _forget(self) -> None:
        now = services.udp_backends(self._services.facts.values(), self._by_service())
        gone, self._udp = self._udp - now, now
        if gone:
            await self._network.run_everywhere(forget_udp_flows, gone)
