"""Pods, nodes and the fabric reach each other; what is removed is gone."""

import asyncio
import errno
import socket
import subprocess
from pathlib import Path

import pytest

from cluster.config import API_ADDRESS, DEFAULT_NODES
from cluster.network.links import NoAddressLeft
from cluster.network.namespaces import inside
from cluster.network.spec import PodLink
from tests.network.world import Server, ask, isolated, running_network, serve, socket_in


@isolated
async def test_pods_reach_each_other_on_one_node_and_across_nodes() -> None:
    async with running_network() as network:
        here, there = await serve(network, "node1", "here"), await serve(network, "node2", "there")
        client = await network.attach("node1", "client")
        assert await ask(client.netns, here.link.address, 8080) == f"here {client.address}"
        assert await ask(client.netns, there.link.address, 8080) == f"there {client.address}"
        assert await ask(there.link.netns, here.link.address, 8080, socket.SOCK_DGRAM) == f"here {there.link.address}"


@isolated
async def test_probes_leave_from_the_gateway_of_the_pods_node() -> None:
    async with running_network() as network:
        server = await serve(network, "node2", "web")
        loop = asyncio.get_running_loop()
        with network.socket("node2", socket.AF_INET, socket.SOCK_STREAM) as probe:
            await loop.sock_connect(probe, (server.link.address, 8080))
            assert await loop.sock_recv(probe, 100) == b"web 198.18.2.1"


@isolated
async def test_pods_reach_the_api_server_and_it_reaches_them() -> None:
    async with running_network() as network:
        server = await serve(network, "node2", "web")
        with socket.create_server((API_ADDRESS, 6443)) as api:
            api.settimeout(1)
            with socket.create_connection((API_ADDRESS, 6443), 1):
                pass
            api.accept()
            with pytest.raises(TimeoutError):  # connected, and nobody speaks
                await ask(server.link.netns, API_ADDRESS, 6443)
            assert api.accept()[1][0] == server.link.address
        assert await ask(None, server.link.address, 8080) == f"web {API_ADDRESS}"


@isolated
async def test_there_is_no_way_out() -> None:
    async with running_network() as network:
        client = await network.attach("node1", "client")
        with pytest.raises(OSError) as refusal:  # noqa: PT011  # it is the number that says why
            await ask(client.netns, "192.0.2.1", 80)
        assert refusal.value.errno == errno.ENETUNREACH


@isolated
async def test_a_pod_cannot_send_as_another() -> None:
    async with running_network() as network:
        here, there = await serve(network, "node1", "here"), await serve(network, "node2", "there")
        liar, victim = await network.attach("node1", "liar"), await network.attach("node1", "victim")
        with inside(liar.netns):
            subprocess.run(["ip", "address", "add", f"{victim.address}/32", "dev", "lo"], check=True)
        for server in (here, there):
            assert await claim(liar, liar.address, server) == liar.address
            with pytest.raises(TimeoutError):
                await claim(liar, victim.address, server)


async def claim(link: PodLink, address: str, server: Server) -> str:
    """Whom the server takes for the sender of a packet that says it is from `address`. Raises TimeoutError."""
    with (
        socket_in(server.link.netns, socket.SOCK_DGRAM) as receiver,
        socket_in(link.netns, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("", 0))
        sender.bind((address, 0))
        sender.sendto(b"me", (server.link.address, receiver.getsockname()[1]))
        async with asyncio.timeout(0.2):
            _, (said, _) = await asyncio.get_running_loop().sock_recvfrom(receiver, 10)
    return str(said)


@isolated
async def test_a_detached_pod_is_unreachable_and_its_address_rests() -> None:
    async with running_network() as network:
        server = await serve(network, "node1", "web")
        await network.detach("node1", "web")
        with pytest.raises(OSError) as refusal:  # noqa: PT011  # it is the number that says why
            await ask(network.node_netns("node1"), server.link.address, 8080)
        assert refusal.value.errno == errno.ENETUNREACH
        assert not server.link.netns.exists()
        assert (await network.attach("node1", "next")).address != server.link.address
        await network.detach("node1", "web")


@isolated
async def test_a_full_node_says_so_and_has_room_again_after_a_detach() -> None:
    async with running_network(nodes=1) as network:
        for number in range(253):
            await network.attach("node1", f"pod{number}")
        with pytest.raises(NoAddressLeft, match=r"198\.18\.1\.0/24"):
            await network.attach("node1", "one-more")
        await network.detach("node1", "pod7")
        assert (await network.attach("node1", "one-more")).address == "198.18.1.9"


@isolated
async def test_a_failed_attach_leaves_nothing() -> None:
    async with running_network(nodes=1) as network:

        async def refuse() -> None:
            raise TimeoutError

        network.gates.append(refuse)
        with pytest.raises(TimeoutError):
            await network.attach("node1", "pod")
        assert not network.addresses
        assert [path.name for path in Path("/run/seawall/netns").iterdir()] == ["node-node1"]


@isolated
async def test_attaching_twice_is_attaching_once() -> None:
    async with running_network(nodes=1) as network:
        assert await network.attach("node1", "pod") == await network.attach("node1", "pod")


@isolated
async def test_a_removed_node_is_cut_off_and_can_come_back() -> None:
    async with running_network() as network:
        lost, other = await serve(network, "node1", "lost"), await network.attach("node2", "other")
        await network.remove_node("node1")
        with pytest.raises(TimeoutError):
            await ask(other.netns, lost.link.address, 8080)
        with pytest.raises(LookupError, match="node1"):
            await network.attach("node1", "late")
        await network.add_node(DEFAULT_NODES[0])
        again = await serve(network, "node1", "again")
        assert await ask(other.netns, again.link.address, 8080) == f"again {other.address}"


@isolated
async def test_an_unprivileged_process_may_serve_port_80() -> None:
    async with running_network(nodes=1) as network:
        link = await network.attach("node1", "web")
        await Server(link, "web", 80).start()
        script = "import os, socket; os.setuid(65534); socket.create_server(('127.0.0.1', 81))"
        subprocess.run(
            ["nsenter", f"--net={link.netns}", "/usr/bin/env", "python3", "-c", script], check=True, timeout=10
        )


@isolated
async def test_stopping_takes_every_namespace_down() -> None:
    async with running_network() as network:
        await network.attach("node1", "pod")
    assert not list(Path("/run/seawall/netns").iterdir())
