"""Namespaces and links: the fabric, the nodes on it, the pods on those.

    fabric namespace (ours)        bridge fabric0: API server, DNS, ingress
                                   | | |
    one namespace a node           fab0   198.19.255.<n>     lo   198.18.<n>.1, the gateway
                                   pod2 pod3 …               a point-to-point link and a /32 route for each pod
    one namespace a pod            eth0   198.18.<n>.<host>/32

No bridge inside a node: what two pods of one node say to each other must pass the node's rules too. No uplink anywhere.
"""

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from cluster.config import API_ADDRESS, DNS_ADDRESS, INGRESS_ADDRESS, SERVICE_RANGE, NodeConfig
from cluster.network import namespaces, netlink
from cluster.network.netlink import LOOPBACK, Netlink
from cluster.network.nft import Firewall
from cluster.network.spec import PodLink

FABRIC = "fabric"
"""Stands for the fabric's own namespace where rules are kept by node name. No node can be called so."""

T = TypeVar("T")

# Interface numbers are ours to choose, so that a link, its addresses and its routes fit in one request.
_BRIDGE, _UPLINK, _ETH0, _PORTS = 2, 2, 2, 100
_BRIDGE_MAC = bytes.fromhex("020000000001")
_FIRST_HOST, _LAST_HOST = 2, 254


class NoAddressLeft(OSError):
    """Every address of the node's range is in use."""


@dataclass(frozen=True, slots=True)
class _Pod:
    host: int
    link: PodLink


@dataclass(slots=True)
class _Node:
    config: NodeConfig
    netns: Path
    netlink: Netlink
    pods: dict[str, _Pod] = field(default_factory=dict)
    free: deque[int] = field(default_factory=lambda: deque(range(_FIRST_HOST, _LAST_HOST + 1)))
    """Freed addresses queue up behind all others: a late packet to a dead pod meets nobody."""


class LinuxNetwork:
    """`cluster.network.spec.Network` on this machine. `start` it in the namespace that is to be the fabric.

    All kernel work on links is done by one thread, in the order it was asked for, and rules by another (`run_rules`),
    so that waiting for the kernel's locks never holds up the event loop.
    """

    def __init__(self, netns_dir: Path = Path("/run/seawall/netns")) -> None:
        self.firewalls: dict[str, Firewall] = {}
        """By node, and the fabric's own."""
        self.addresses: dict[str, str] = {}
        """By uid of every attached pod: known here before the pod's status tells anyone."""
        self.on_nodes: list[Callable[[], None]] = []
        """Called when `firewalls` has changed."""
        self.gates: list[Callable[[], Awaitable[None]]] = []
        """Awaited by `attach` before it returns: a pod starts when the rules about it are in force."""
        self._dir = netns_dir
        self._nodes: dict[str, _Node] = {}
        self._links = ThreadPoolExecutor(1, "network-links")
        self._rules = ThreadPoolExecutor(1, "network-rules")

    async def start(self) -> None:
        """Lay the fabric. Raises OSError where the machine does not let us."""
        self._dir.mkdir(parents=True, exist_ok=True)
        self._fabric = Netlink()
        await self._on(self._links, self._lay_fabric)
        self.firewalls[FABRIC] = await self._on(self._rules, Firewall)

    async def stop(self) -> None:
        """Take everything down. A process that dies without it leaves nothing either: its namespaces go with it."""
        for name in list(self._nodes):
            await self.remove_node(name)
        self.firewalls.pop(FABRIC).close()
        self._fabric.close()
        for executor in (self._links, self._rules):
            executor.shutdown()

    async def add_node(self, node: NodeConfig) -> None:
        """Cable a node to the fabric and tell every other the way to its pods. Raises OSError."""
        created = await self._on(self._links, self._create_node, node)
        self.firewalls[node.name] = await self._on(self._rules, _firewall_inside, created.netns)
        self._nodes[node.name] = created
        self._announce()

    async def remove_node(self, name: str) -> None:
        """The node's cable is pulled: its links go at once, whatever still runs in its pods."""
        node = self._nodes.pop(name)
        firewall = self.firewalls.pop(name)
        for uid in node.pods:
            self.addresses.pop(uid, None)
        self._announce()
        await self._on(self._links, self._destroy_node, node)
        await self._on(self._rules, firewall.close)

    async def attach(self, node: str, pod_uid: str) -> PodLink:
        """Raises LookupError for a node that is gone, NoAddressLeft, OSError from the kernel; then nothing is left.

        A pod that is attached already keeps what it has.
        """
        home = self._node(node)
        if pod_uid in home.pods:
            return home.pods[pod_uid].link
        if not home.free:
            raise NoAddressLeft(f"no IP addresses available in range set: {home.config.pod_range}")
        host = home.free.popleft()
        link = PodLink(address=_pod_address(home.config, host), netns=self._dir / pod_uid)
        home.pods[pod_uid] = _Pod(host, link)
        self.addresses[pod_uid] = link.address
        try:
            await self._on(self._links, _wire, home, home.pods[pod_uid])
            for gate in self.gates:
                await gate()
        except BaseException:
            await asyncio.shield(self.detach(node, pod_uid))
            raise
        return link

    async def detach(self, node: str, pod_uid: str) -> None:
        """Nothing happens if the pod is not attached, or its node is gone."""
        home = self._nodes.get(node)
        pod = home.pods.pop(pod_uid, None) if home else None
        if home is None or pod is None:
            return
        self.addresses.pop(pod_uid, None)
        await self._on(self._links, _unwire, home, pod)
        home.free.append(pod.host)

    def node_netns(self, node: str) -> Path:
        return self._node(node).netns

    def pod_socket(self, netns: Path, family: int, kind: int) -> socket.socket:
        with namespaces.inside(netns):
            return socket.socket(family, kind | socket.SOCK_NONBLOCK)

    def socket(self, node: str, family: int, kind: int) -> socket.socket:
        with namespaces.inside(self.node_netns(node)):
            return socket.socket(family, kind | socket.SOCK_NONBLOCK)

    def node_address(self, node: str) -> str:
        """ "" for the fabric, where nothing is served on a node's own address."""
        return "" if node == FABRIC else self._node(node).config.address

    async def run_rules(self, transactions: list[tuple[Firewall, str]]) -> None:
        """One after the other, in the thread where all packet filter work is done. Raises RulesRefused."""
        await self._on(self._rules, _run_rules, transactions)

    async def run_everywhere(self, work: Callable[[T], object], argument: T) -> None:
        """Call in that thread once in every namespace that forwards packets."""
        for node in list(self._nodes.values()):
            await self._on(self._rules, _run_inside, node.netns, work, argument)
        await self._on(self._rules, work, argument)

    def _node(self, name: str) -> _Node:
        if name not in self._nodes:
            raise LookupError(f"node {name!r} is not on the network; there are: {', '.join(sorted(self._nodes))}")
        return self._nodes[name]

    def _announce(self) -> None:
        for listener in self.on_nodes:
            listener()

    async def _on(self, executor: ThreadPoolExecutor, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(executor, work, *arguments)

    def _lay_fabric(self) -> None:
        _become_router()
        self._fabric.request(
            netlink.link_up(LOOPBACK),
            netlink.new_bridge("fabric0", _BRIDGE, _BRIDGE_MAC),
            netlink.new_address(f"{API_ADDRESS}/24", _BRIDGE),
            netlink.new_address(f"{DNS_ADDRESS}/24", _BRIDGE),
            netlink.new_address(f"{INGRESS_ADDRESS}/24", _BRIDGE),
            netlink.new_route(SERVICE_RANGE, _BRIDGE),
        )

    def _create_node(self, config: NodeConfig) -> _Node:
        path = self._dir / f"node-{config.name}"
        namespaces.create(path)
        with namespaces.inside(path) as descriptor:
            _become_router()
            node = _Node(config, path, Netlink())
            port = _PORTS + config.index
            self._fabric.request(
                netlink.new_port(config.name[:15], port, _BRIDGE, "fab0", _UPLINK, _mac(config), descriptor),
                *_way_to(config, _BRIDGE),
            )
            # Links made from here on are pods': one sends as itself, or nowhere. Policies believe in addresses.
            namespaces.sysctl(ipv4__conf__default__rp_filter=1)
        node.netlink.request(
            netlink.link_up(LOOPBACK),
            netlink.link_up(_UPLINK),
            netlink.new_address(f"{config.gateway}/32", LOOPBACK),
            netlink.new_address(f"{config.address}/24", _UPLINK),
            netlink.new_neighbour(API_ADDRESS, _BRIDGE_MAC, _UPLINK),
            netlink.new_neighbour(DNS_ADDRESS, _BRIDGE_MAC, _UPLINK),
            netlink.new_neighbour(INGRESS_ADDRESS, _BRIDGE_MAC, _UPLINK),
            netlink.new_route(SERVICE_RANGE, _UPLINK),
        )
        self._fabric.wait_until_up(port)
        self._fabric.wait_until_up(_BRIDGE)
        for other in self._nodes.values():
            node.netlink.request(*_way_to(other.config, _UPLINK))
            other.netlink.request(*_way_to(config, _UPLINK))
        return node

    def _destroy_node(self, node: _Node) -> None:
        with contextlib.suppress(OSError):
            self._fabric.request(netlink.delete_link(_PORTS + node.config.index))
        for pod in node.pods.values():
            _unwire(node, pod)
        node.netlink.close()
        namespaces.remove(node.netns)


def _run_rules(transactions: list[tuple[Firewall, str]]) -> None:
    for firewall, commands in transactions:
        firewall.run(commands)


def _run_inside(netns: Path, work: Callable[[T], object], argument: T) -> None:
    # A node that has been removed meanwhile has nothing to work on.
    with contextlib.suppress(FileNotFoundError), namespaces.inside(netns):
        work(argument)


def _firewall_inside(netns: Path) -> Firewall:
    with namespaces.inside(netns):
        return Firewall()


def _way_to(node: NodeConfig, index: int) -> tuple[bytes, bytes]:
    # Fixed neighbours: a node that is replaced is found at once, where ARP would go on asking for the old one.
    return (
        netlink.new_neighbour(node.address, _mac(node), index),
        netlink.new_route(node.pod_range, index, via=node.address),
    )


def _mac(node: NodeConfig) -> bytes:
    return bytes((2, 0, 0, 0, 1, node.index))


def _pod_address(node: NodeConfig, host: int) -> str:
    return f"{node.gateway.rpartition('.')[0]}.{host}"


def _become_router() -> None:
    # There is no IPv6 here; left on, every link would spend its first seconds looking for IPv6 neighbours.
    namespaces.sysctl(
        ipv4__ip_forward=1,
        ipv4__conf__all__rp_filter=0,
        ipv4__conf__default__rp_filter=0,
        ipv6__conf__default__disable_ipv6=1,
    )


def _wire(node: _Node, pod: _Pod) -> None:
    namespaces.create(pod.link.netns)
    try:
        with namespaces.inside(pod.link.netns) as descriptor:
            _settle_in()
            index = _PORTS + pod.host
            node.netlink.request(
                netlink.new_veth(f"pod{pod.host}", index, "eth0", _ETH0, descriptor),
                netlink.new_route(f"{pod.link.address}/32", index, source=node.config.gateway),
            )
            with Netlink() as inner:
                inner.request(
                    netlink.link_up(LOOPBACK),
                    netlink.link_up(_ETH0),
                    netlink.new_address(f"{pod.link.address}/32", _ETH0),
                    netlink.new_route(f"{node.config.gateway}/32", _ETH0),
                    netlink.new_route("0.0.0.0/0", _ETH0, via=node.config.gateway),
                )
            node.netlink.wait_until_up(index)
    except OSError:
        _unwire(node, pod)
        raise


def _settle_in() -> None:
    # As containerd does: a process without privileges may serve port 80 and send pings.
    namespaces.sysctl(
        ipv4__ip_unprivileged_port_start=0, ipv4__ping_group_range="0 2147483647", ipv6__conf__default__disable_ipv6=1
    )


def _unwire(node: _Node, pod: _Pod) -> None:
    # Without its route the pod is unreachable at once. The link is left to go with the namespace: deleting it here
    # waits 30 ms for the kernel, every time. There is no route if the pod was wired half-way or the node is gone.
    with contextlib.suppress(OSError):
        node.netlink.request(netlink.delete_route(f"{pod.link.address}/32"))
    namespaces.remove(pod.link.netns)
