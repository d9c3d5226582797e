"""Services carry real connections to real endpoints, from everywhere in the cluster."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cluster.config import DEFAULT_NODES
from cluster.network.links import LinuxNetwork
from cluster.network.proxy import ServiceProxy
from tests.network.objects import endpoint, endpoint_slice, service
from tests.network.world import Api, Server, ask, isolated, running_network, serve

WEB = "198.19.0.20"
UDP = {"port": 53, "protocol": "UDP", "name": "dns"}


@asynccontextmanager
async def running_proxy(nodes: int = 2) -> AsyncIterator[tuple[LinuxNetwork, Api, ServiceProxy]]:
    async with running_network(nodes) as network:
        api = Api()
        proxy = ServiceProxy(api, network)  # type: ignore[arg-type]  # it only watches
        task = asyncio.create_task(proxy.run())
        yield network, api, proxy
        task.cancel()


async def told(proxy: ServiceProxy) -> None:
    """Until what was just put into the API is in force."""
    for _ in range(5):
        await asyncio.sleep(0)
    await proxy.settled()


def serving(*servers: Server, **conditions: bool) -> list[dict[str, object]]:
    return [endpoint(s.link.address, s.node, **conditions) for s in servers]


async def answers(netns: Path | None, address: str, port: int, count: int = 60) -> Counter[str]:
    return Counter([(await ask(netns, address, port)).split()[0] for _ in range(count)])


@isolated
async def test_connections_spread_evenly_over_endpoints_on_all_nodes() -> None:
    async with running_proxy() as (network, api, proxy):
        servers = [
            await serve(network, "node1", "a"),
            await serve(network, "node2", "b"),
            await serve(network, "node2", "c"),
        ]
        client = await network.attach("node1", "client")
        api.put("services", service("web", WEB))
        api.put("endpointslices.discovery.k8s.io", endpoint_slice("web", *serving(*servers)))
        await told(proxy)
        seen = await answers(client.netns, WEB, 80, 240)
        assert set(seen) == {"a", "b", "c"}
        assert min(seen.values()) > 45, "80 expected of each; fewer than 45 happens once in ten million times"
        assert await answers(network.node_netns("node1"), WEB, 80, 20)
        assert await answers(None, WEB, 80, 20), "the fabric, where the API server proxies from"


@isolated
async def test_a_pod_reaches_itself_through_its_service() -> None:
    async with running_proxy() as (network, api, proxy):
        server = await serve(network, "node1", "a")
        api.put("services", service("web", WEB))
        api.put("endpointslices.discovery.k8s.io", endpoint_slice("web", *serving(server)))
        await told(proxy)
        assert await ask(server.link.netns, WEB, 80) == "a 198.18.1.1"


@isolated
async def test_a_service_without_ready_endpoints_refuses_at_once() -> None:
    async with running_proxy() as (network, api, proxy):
        server = await serve(network, "node1", "a")
        client = await network.attach("node1", "client")
        api.put("services", service("web", WEB, UDP, {"port": 80, "protocol": "TCP"}))
        api.put("endpointslices.discovery.k8s.io", endpoint_slice("web", *serving(server, ready=False, serving=False)))
        await told(proxy)
        for place in (client.netns, network.node_netns("node2"), None):
            for _ in range(20):  # the kernel would answer only the first few of these by ICMP
                with pytest.raises(ConnectionRefusedError):
                    await ask(place, WEB, 80)
        with pytest.raises(ConnectionRefusedError):
            await ask(client.netns, WEB, 53, socket.SOCK_DGRAM)


@isolated
async def test_only_ready_endpoints_are_chosen_and_terminating_ones_when_there_is_no_other() -> None:
    async with running_proxy() as (network, api, proxy):
        ready, leaving = await serve(network, "node1", "ready"), await serve(network, "node2", "leaving")
        going = serving(leaving, ready=False, serving=True, terminating=True)
        api.put("services", service("web", WEB))
        api.put("endpointslices.discovery.k8s.io", endpoint_slice("web", *serving(ready), *going))
        await told(proxy)
        assert set(await answers(None, WEB, 80)) == {"ready"}
        api.put("endpointslices.discovery.k8s.io", endpoint_slice("web", *going))
        await told(proxy)
        assert set(await answers(None, WEB, 80)) == {"leaving"}


@isolated
async def test_node_ports_serve_on_every_node_and_local_ones_where_the_endpoints_are() -> None:
    async with running_proxy() as (network, api, proxy):
        server = await serve(network, "node2", "b")
        port = {"port": 80, "nodePort": 30080}
        api.put("services", service("web", WEB, port, type="NodePort"))
        api.put("endpointslices.discovery.k8s.io", endpoint_slice("web", *serving(server)))
        await told(proxy)
        assert await ask(None, "198.19.255.1", 30080) == "b 198.19.255.1"
        assert await ask(None, "198.19.255.2", 30080) == "b 198.18.2.1"
        api.put("services", service("web", WEB, port, type="NodePort", externalTrafficPolicy="Local"))
        await told(proxy)
        assert await ask(None, "198.19.255.2", 30080) == "b 198.19.255.254", "Local keeps the client's address"
        with pytest.raises(TimeoutError):
            await ask(None, "198.19.255.1", 30080)
        api.remove("endpointslices.discovery.k8s.io", "web")
        await told(proxy)
        with pytest.raises(ConnectionRefusedError):
            await ask(None, "198.19.255.1", 30080)


@isolated
async def test_an_internal_traffic_policy_of_local_stays_on_the_node() -> None:
    async with running_proxy() as (network, api, proxy):
        servers = [await serve(network, "node1", "a"), await serve(network, "node2", "b")]
        api.put("services", service("web", WEB, internalTrafficPolicy="Local"))
        api.put("endpointslices.discovery.k8s.io", endpoint_slice("web", *serving(*servers)))
        await told(proxy)
        assert set(await answers(network.node_netns("node1"), WEB, 80, 20)) == {"a"}
        assert set(await answers(network.node_netns("node2"), WEB, 80, 20)) == {"b"}


@isolated
async def test_client_affinity_keeps_a_client_on_its_endpoint_until_that_goes() -> None:
    async with running_proxy() as (network, api, proxy):
        servers = [await serve(network, "node1", name) for name in "abc"]
        api.put("services", service("web", WEB, sessionAffinity="ClientIP"))
        api.put("endpointslices.discovery.k8s.io", endpoint_slice("web", *serving(*servers)))
        await told(proxy)
        (first,) = await answers(None, WEB, 80, 30)
        rest = [server for server in servers if server.name != first]
        api.put("endpointslices.discovery.k8s.io", endpoint_slice("web", *serving(*rest)))
        await told(proxy)
        (second,) = await answers(None, WEB, 80, 30)
        assert second != first


@isolated
async def test_udp_clients_leave_a_removed_endpoint_although_they_keep_their_port() -> None:
    async with running_proxy() as (network, api, proxy):
        old, new = await serve(network, "node1", "old", 53), await serve(network, "node2", "new", 53)
        ports = [{"name": "dns", "port": 53, "protocol": "UDP"}]
        api.put("services", service("dns", WEB, UDP))
        api.put("endpointslices.discovery.k8s.io", endpoint_slice("dns", *serving(old), ports=ports))
        await told(proxy)
        loop = asyncio.get_running_loop()
        with network.socket("node1", socket.AF_INET, socket.SOCK_DGRAM) as client:
            await loop.sock_connect(client, (WEB, 53))

            async def answer() -> bytes:
                await loop.sock_sendall(client, b"who?")
                return (await asyncio.wait_for(loop.sock_recv(client, 100), 1)).split()[0]

            assert await answer() == b"old"
            api.put("endpointslices.discovery.k8s.io", endpoint_slice("dns", *serving(new), ports=ports))
            await told(proxy)
            assert await answer() == b"new"


@isolated
async def test_an_established_connection_outlives_the_readiness_of_its_endpoint() -> None:
    async with running_proxy() as (network, api, proxy):
        server = await serve(network, "node1", "a")
        api.put("services", service("web", WEB))
        api.put("endpointslices.discovery.k8s.io", endpoint_slice("web", *serving(server)))
        await told(proxy)
        loop = asyncio.get_running_loop()
        with network.socket("node2", socket.AF_INET, socket.SOCK_STREAM) as client:
            await loop.sock_connect(client, (WEB, 80))
            assert await loop.sock_recv(client, 100)
            api.remove("endpointslices.discovery.k8s.io", "web")
            await told(proxy)
            client.shutdown(socket.SHUT_WR)
            assert await asyncio.wait_for(loop.sock_recv(client, 100), 1) == b"", "the other side closed properly"


@isolated
async def test_a_node_that_joins_later_serves_what_is_already_there() -> None:
    async with running_proxy(nodes=1) as (network, api, proxy):
        server = await serve(network, "node1", "a")
        api.put("services", service("web", WEB))
        api.put("endpointslices.discovery.k8s.io", endpoint_slice("web", *serving(server)))
        await told(proxy)
        await network.add_node(DEFAULT_NODES[1])
        await told(proxy)
        assert await ask(network.node_netns("node2"), WEB, 80) == "a 198.19.255.2"
        await network.remove_node("node2")
        await told(proxy)
