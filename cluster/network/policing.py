"""Keeps NetworkPolicies in force on every node, also for a pod that is only just being made."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace

from cluster.client import Client
from cluster.network import facts, policies
from cluster.network.facts import Key, Pod
from cluster.network.keeper import Keeper
from cluster.network.links import LinuxNetwork
from cluster.network.mirror import Mirror
from cluster.network.ruleset import Ruleset


class Policing:
    """NetworkPolicies are enforced where packets pass. `run` it for ever.

    A pod is known by the address it got when it was attached, before its status tells it, and `attach` waits for the
    rules: no container of a pod ever runs outside its policies.
    """

    def __init__(self, client: Client, network: LinuxNetwork) -> None:
        self._network = network
        self._keeper = Keeper(network, policies.TABLE, lambda _node: policies.FRAME, self._plan)
        self._policies = Mirror(client, "networkpolicies.networking.k8s.io", policies.policy, self._changed)
        self._pods = Mirror(client, "pods", facts.pod, self._pod_changed)
        self._namespaces = Mirror(client, "namespaces", facts.labels, self._changed)
        network.on_nodes.append(self._keeper.changed)
        network.gates.append(self._admit)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for part in (self._policies, self._pods, self._namespaces, self._keeper):
                group.create_task(part.run())

    async def settled(self) -> None:
        """Until all that was seen by now is in force. Raises TimeoutError."""
        await self._keeper.settled()

    async def _admit(self) -> None:
        if self._policies.facts:
            self._keeper.changed()
            await self._keeper.settled()

    def _changed(self, _key: Key) -> None:
        self._keeper.changed()

    def _pod_changed(self, _key: Key) -> None:
        # Without policies, and so most of the time, pods may come and go as they like.
        if self._policies.facts:
            self._keeper.changed()

    def _plan(self, nodes: Iterable[str]) -> Mapping[str, Ruleset]:
        pods = map(self._placed, self._pods.facts.values())
        return policies.contents(self._policies.facts.values(), pods, self._labels(), nodes)

    def _placed(self, pod: Pod) -> Pod:
        address = self._network.addresses.get(pod.uid, pod.address)
        return pod if address == pod.address else replace(pod, address=address)

    def _labels(self) -> dict[str, facts.Labels]:
        return {name: labels for (_, name), labels in self._namespaces.facts.items()}
