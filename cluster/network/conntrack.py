"""Flows that connection tracking must forget, by ctnetlink (linux/netfilter/nfnetlink_conntrack.h)."""

import contextlib
import socket
import struct
from collections.abc import Iterator

from cluster.network.netlink import DUMP, Netlink, attribute, attributes, message

Backend = tuple[str, int]

_NETLINK_NETFILTER = 12
_GET, _DELETE = 0x101, 0x102
_HEADER = struct.pack("=BBH", socket.AF_INET, 0, 0)
_ORIGINAL, _REPLY, _NESTED = 1, 2, 0x8000


def forget_udp_flows(backends: frozenset[Backend]) -> int:
    """Forget the UDP flows of the calling thread's namespace that go to these (address, port); how many there were.

    A client that keeps its source port would otherwise be sent to a removed endpoint for as long as it talks.
    """
    with Netlink(_NETLINK_NETFILTER) as netlink:
        stale = list(_stale(netlink, backends))
        for original in stale:
            # One that has ended by itself since is as forgotten as we want it.
            with contextlib.suppress(FileNotFoundError):
                netlink.request(message(_DELETE, _HEADER + attribute(_ORIGINAL | _NESTED, original)))
    return len(stale)


def _stale(netlink: Netlink, backends: frozenset[Backend]) -> Iterator[bytes]:
    for flow in netlink.dump(message(_GET, _HEADER, DUMP)):
        directions = attributes(flow[len(_HEADER) :])
        if _udp_source(directions[_REPLY]) in backends:
            yield directions[_ORIGINAL]


def _udp_source(direction: bytes) -> Backend | None:
    parts = attributes(direction)
    addresses, transport = attributes(parts[1]), attributes(parts[2])
    if transport[1][0] != socket.IPPROTO_UDP:
        return None
    return socket.inet_ntoa(addresses[1]), int.from_bytes(transport[2], "big")
