"""A resolver inside a pod finds what the cluster's DNS knows, through the DNS Service."""

import asyncio
import ctypes
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cluster.config import DNS_ADDRESS, DNS_SERVICE_ADDRESS
from cluster.network import namespaces
from cluster.network.dns import DnsServer
from cluster.network.links import LinuxNetwork
from cluster.network.proxy import ServiceProxy
from tests.network.objects import endpoint, endpoint_slice, namespace, service
from tests.network.world import Api, isolated, running_network

MS_BIND = 4096
RESOLV_CONF = f"""nameserver {DNS_SERVICE_ADDRESS}
search default.svc.cluster.local svc.cluster.local cluster.local
options ndots:5 timeout:1 attempts:1
"""
DNS_PORTS = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]


@asynccontextmanager
async def running_dns() -> AsyncIterator[tuple[LinuxNetwork, Api, DnsServer]]:
    _use_resolv_conf()
    async with running_network() as network:
        api = Api()
        dns, proxy = DnsServer(api), ServiceProxy(api, network)  # type: ignore[arg-type]  # they only watch
        tasks = [asyncio.create_task(dns.run()), asyncio.create_task(proxy.run())]
        api.put("namespaces", namespace("default"))
        api.put("services", service("kube-dns", DNS_SERVICE_ADDRESS, *DNS_PORTS, namespace="kube-system"))
        at = endpoint(DNS_ADDRESS, "")
        slice_ = endpoint_slice("kube-dns", at, namespace="kube-system", ports=DNS_PORTS)
        api.put("endpointslices.discovery.k8s.io", slice_)
        await dns.start()
        await asyncio.sleep(0.05)
        await proxy.settled()
        yield network, api, dns
        await dns.stop()
        for task in tasks:
            task.cancel()


def _use_resolv_conf() -> None:
    """In this test's own mount namespace."""
    ours = Path("/run/resolv.conf")
    ours.write_text(RESOLV_CONF)
    assert ctypes.CDLL(None).mount(bytes(ours), b"/etc/resolv.conf", None, MS_BIND, None) == 0


async def resolve(netns: Path, name: str) -> set[str]:
    """By the C library, with both A and AAAA asked, as programs do."""

    def inside() -> set[str]:
        with namespaces.inside(netns):
            found: list[Any] = socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)
        return {address[0] for *_, address in found}

    return await asyncio.to_thread(inside)


@isolated
async def test_services_are_found_by_short_and_by_full_names() -> None:
    async with running_dns() as (network, api, _):
        api.put("services", service("web", "198.19.0.20"))
        client = await network.attach("node1", "client")
        for name in ("web", "web.default", "web.default.svc", "web.default.svc.cluster.local.", "WEB"):
            assert await resolve(client.netns, name) == {"198.19.0.20"}, name


@isolated
async def test_headless_services_answer_with_their_ready_endpoints_as_they_change() -> None:
    async with running_dns() as (network, api, _):
        api.put("services", service("store", "None"))
        ready, waiting = endpoint("198.18.1.7") | {"hostname": "store-0"}, endpoint("198.18.2.8", ready=False)
        api.put("endpointslices.discovery.k8s.io", endpoint_slice("store", ready, waiting))
        client = await network.attach("node2", "client")
        assert await resolve(client.netns, "store") == {"198.18.1.7"}
        assert await resolve(client.netns, "store-0.store") == {"198.18.1.7"}
        api.put("endpointslices.discovery.k8s.io", endpoint_slice("store", ready, endpoint("198.18.2.8")))
        await asyncio.sleep(0.01)
        assert await resolve(client.netns, "store") == {"198.18.1.7", "198.18.2.8"}


@isolated
async def test_unknown_names_and_names_outside_do_not_exist() -> None:
    async with running_dns() as (network, *_):
        client = await network.attach("node1", "client")
        for name in ("nothing", "example.com"):
            with pytest.raises(socket.gaierror) as refusal:
                await resolve(client.netns, name)
            assert refusal.value.errno == socket.EAI_NONAME


@isolated
async def test_a_stopped_server_is_a_temporary_failure_and_a_started_one_answers_again() -> None:
    async with running_dns() as (network, api, dns):
        api.put("services", service("web", "198.19.0.20"))
        client = await network.attach("node1", "client")
        await dns.stop()
        await asyncio.sleep(0)
        with pytest.raises(socket.gaierror) as refusal:
            await resolve(client.netns, "web")
        assert refusal.value.errno == socket.EAI_AGAIN
        await dns.start()
        assert await resolve(client.netns, "web") == {"198.19.0.20"}


@isolated
async def test_an_answer_too_long_for_a_packet_comes_by_tcp() -> None:
    async with running_dns() as (network, api, _):
        many = [f"198.18.2.{host}" for host in range(2, 202)]
        api.put("services", service("crowd", "None"))
        api.put("endpointslices.discovery.k8s.io", endpoint_slice("crowd", *map(endpoint, many)))
        client = await network.attach("node1", "client")
        assert await resolve(client.netns, "crowd") == set(many)


@isolated
async def test_noise_is_ignored_and_does_not_stop_the_server() -> None:
    async with running_dns() as (network, api, _):
        api.put("services", service("web", "198.19.0.20"))
        client = await network.attach("node1", "client")
        with namespaces.inside(client.netns):
            noisy = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with noisy:
            for packet in (b"", b"x", bytes(12), struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 0) + b"\xff" * 40):
                noisy.sendto(packet, (DNS_SERVICE_ADDRESS, 53))
            noisy.settimeout(0.2)
            with pytest.raises(TimeoutError):
                await asyncio.to_thread(noisy.recv, 100)
        assert await resolve(client.netns, "web") == {"198.19.0.20"}
