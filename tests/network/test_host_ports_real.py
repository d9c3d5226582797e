"""A pod's hostPort is a port of its node, and of no other."""

import asyncio

import pytest

from cluster.config import DEFAULT_NODES
from cluster.network.proxy import ServiceProxy
from tests.network.objects import pod
from tests.network.world import Api, ask, isolated, running_network, serve


@isolated
async def test_a_host_port_leads_to_the_pod_from_everywhere_until_it_goes() -> None:
    async with running_network(2) as network, asyncio.TaskGroup() as group:
        api = Api()
        proxy = ServiceProxy(api, network)  # type: ignore[arg-type]  # it only watches
        running = group.create_task(proxy.run())
        server, client = await serve(network, "node1", "a"), await network.attach("node2", "client")
        made = pod("a", server.link.address)
        made["spec"]["containers"][0]["ports"] = [{"containerPort": 8080, "hostPort": 9000}]
        api.put("pods", made)
        await asyncio.sleep(0.05)
        await proxy.settled()
        here, there = (node.address for node in DEFAULT_NODES[:2])
        for place in (client.netns, server.link.netns, network.node_netns("node1"), network.node_netns("node2"), None):
            assert (await ask(place, here, 9000)).startswith("a ")
        assert await ask(client.netns, here, 9000) == f"a {client.address}", "the client's address is kept"
        with pytest.raises(ConnectionRefusedError):
            await ask(client.netns, there, 9000)
        api.remove("pods", "a")
        await asyncio.sleep(0.05)
        await proxy.settled()
        with pytest.raises(ConnectionRefusedError):
            await ask(client.netns, here, 9000)
        running.cancel()
