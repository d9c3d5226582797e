"""NetworkPolicies let through what they allow and drop the rest, in both directions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from cluster.network.links import LinuxNetwork
from cluster.network.policing import Policing
from cluster.network.proxy import ServiceProxy
from tests.network.objects import endpoint, endpoint_slice, namespace, pod, policy, service
from tests.network.world import Api, Server, ask, isolated, running_network, serve, socket_in

DENY_ALL: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@dataclass
class Town:
    network: LinuxNetwork
    api: Api
    policing: Policing
    proxy: ServiceProxy

    async def house(self, name: str, node: str = "node1", home: str = "default") -> Server:
        """A pod that serves, labelled app=<name>."""
        self.api.put("pods", pod(name, node=node, namespace=home, app=name))
        await self.told()
        return await serve(self.network, node, name)

    async def decree(self, name: str, spec: dict[str, Any], home: str = "default") -> None:
        self.api.put("networkpolicies.networking.k8s.io", policy(name, spec, home))
        await self.told()

    async def told(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        await self.policing.settled()
        await self.proxy.settled()


@asynccontextmanager
async def town() -> AsyncIterator[Town]:
    async with running_network() as network:
        api = Api()
        policing, proxy = Policing(api, network), ServiceProxy(api, network)  # type: ignore[arg-type]  # they only watch
        tasks = [asyncio.create_task(policing.run()), asyncio.create_task(proxy.run())]
        api.put("namespaces", namespace("default"))
        api.put("namespaces", namespace("friends", trusted="yes"))
        yield Town(network, api, policing, proxy)
        for task in tasks:
            task.cancel()


async def reaches(client: Server, server: Server, port: int = 8080) -> bool:
    try:
        await ask(client.link.netns, server.link.address, port)
    except TimeoutError:
        return False
    return True


@isolated
async def test_default_deny_isolates_pods_but_not_from_probes_and_the_api_server() -> None:
    async with town() as t:
        a, b, far = await t.house("a"), await t.house("b"), await t.house("far", "node2")
        assert await reaches(a, b)
        await t.decree("deny", DENY_ALL)
        assert not any(await asyncio.gather(reaches(a, b), reaches(a, far), reaches(far, a)))
        assert await ask(t.network.node_netns("node1"), a.link.address, 8080) == "a 198.18.1.1"
        assert await ask(None, far.link.address, 8080) == "far 198.19.255.254", "the API server's pods/proxy"
        t.api.remove("networkpolicies.networking.k8s.io", "deny")
        await t.told()
        assert await reaches(a, far)


@isolated
async def test_allowed_clients_get_through_and_others_do_not_also_by_the_service() -> None:
    async with town() as t:
        web, store, rogue = (
            await t.house("web"),
            await t.house("store", "node2"),
            await t.house("rogue", home="friends"),
        )
        t.api.put("services", service("store", "198.19.0.30"))
        t.api.put("endpointslices.discovery.k8s.io", endpoint_slice("store", endpoint(store.link.address)))
        await t.decree("deny", DENY_ALL)
        to_store = {"podSelector": {"matchLabels": {"app": "store"}}}
        from_web = {"podSelector": {"matchLabels": {"app": "web"}}}
        ports = [{"port": "web"}]
        await t.decree("in", {**to_store, "ingress": [{"from": [from_web], "ports": ports}]})
        assert not await reaches(web, store), "egress of web is still denied"
        await t.decree("out", {**from_web, "policyTypes": ["Egress"], "egress": [{"to": [to_store], "ports": ports}]})
        assert await ask(web.link.netns, "198.19.0.30", 80) == f"store {web.link.address}"
        assert not await reaches(rogue, store)
        with pytest.raises(TimeoutError):
            await ask(rogue.link.netns, "198.19.0.30", 80)
        assert not await reaches(store, web), "allowed one way is not allowed the other"


@isolated
async def test_namespaces_ports_and_blocks_are_matched() -> None:
    async with town() as t:
        web, friend, stranger = await t.house("web"), await t.house("friend", home="friends"), await t.house("stranger")
        await Server(web.link, "high", 9000).start()
        trusted = {"namespaceSelector": {"matchLabels": {"trusted": "yes"}}}
        everyone = {"podSelector": {"matchLabels": {"app": "web"}}}
        await t.decree("in", {**everyone, "ingress": [{"from": [trusted], "ports": [{"port": 8000, "endPort": 8100}]}]})
        assert await reaches(friend, web)
        assert not any(await asyncio.gather(reaches(friend, web, 9000), reaches(stranger, web)))
        block = {"ipBlock": {"cidr": "0.0.0.0/0", "except": [f"{friend.link.address}/32"]}}
        await t.decree("in", {**everyone, "ingress": [{"from": [block]}]})
        assert await reaches(stranger, web, 9000)
        assert not await reaches(friend, web)


@isolated
async def test_a_pod_is_isolated_before_its_address_is_known_to_anyone_else() -> None:
    async with town() as t:
        web = await t.house("web")
        await t.decree("deny", DENY_ALL)
        late = await t.house("late")
        assert not await reaches(late, web)


@isolated
async def test_an_isolated_pod_still_reaches_itself_through_its_service() -> None:
    async with town() as t:
        web = await t.house("web")
        t.api.put("services", service("web", "198.19.0.30"))
        t.api.put("endpointslices.discovery.k8s.io", endpoint_slice("web", endpoint(web.link.address)))
        await t.decree("deny", DENY_ALL)
        assert await ask(web.link.netns, "198.19.0.30", 80)


@isolated
async def test_an_established_flow_outlives_the_policy_that_forbids_it() -> None:
    async with town() as t:
        web, loop = await t.house("web"), asyncio.get_running_loop()
        client = await t.house("client")
        with socket_in(client.link.netns) as flow:
            await loop.sock_connect(flow, (web.link.address, 8080))
            await loop.sock_recv(flow, 100)
            await t.decree("deny", DENY_ALL)
            flow.shutdown(1)
            assert await asyncio.wait_for(loop.sock_recv(flow, 100), 1) == b""
        assert not await reaches(client, web)
