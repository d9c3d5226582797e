"""Just enough of rtnetlink to wire a pod in a fraction of a millisecond.

pyroute2 does all of this and much more, but importing it takes a fifth of a cluster's boot, and wiring a pod with it
ten times as long as here; both were measured. Messages are bytes; one `Netlink.request` sends many at once.
See rtnetlink(7) and linux/{if_link,if_addr,rtnetlink}.h for the numbers.
"""

import os
import socket
import struct
import time
from collections.abc import Iterator
from ipaddress import IPv4Interface, IPv4Network
from types import TracebackType

NETLINK_ROUTE = 0
_SOL_NETLINK, _NETLINK_CAP_ACK = 270, 10
_REQUEST, _ACK, _REPLACE, _EXCLUSIVE, _CREATE = 0x1, 0x4, 0x100, 0x200, 0x400
DUMP = 0x300
_ERROR, _DONE = 2, 3
_NEWLINK, _DELLINK, _GETLINK, _SETLINK, _NEWADDR, _NEWROUTE, _DELROUTE, _NEWNEIGH = 16, 17, 18, 19, 20, 24, 25, 28
_UP, _OPERATIONAL = 1, 6
_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_NEIGHBOUR = struct.Struct("=BxxxiHBB")
_ATTRIBUTE = struct.Struct("=HH")
_TIMEOUT_SECONDS = 5.0

_MAIN, _ANYWHERE, _ON_LINK, _NOWHERE = 254, 0, 253, 255

LOOPBACK = 1


class Netlink:
    """A netlink socket of the namespace it was opened in. Blocking; the kernel answers while sending."""

    def __init__(self, protocol: int = NETLINK_ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._socket.settimeout(_TIMEOUT_SECONDS)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_CAP_ACK, 1)

    def __enter__(self) -> "Netlink":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def request(self, *messages: bytes) -> None:
        """Do all, in order. Raises OSError for the first that the kernel refused; those after it were tried too."""
        self._socket.send(b"".join(messages))
        codes = [code for _ in messages for code in self._acknowledgements()]
        while len(codes) < len(messages):
            codes.extend(self._acknowledgements())
        for number, code in enumerate(codes):
            if code:
                raise OSError(code, f"netlink request {number + 1} of {len(messages)}: {os.strerror(code)}")

    def dump(self, message: bytes) -> Iterator[bytes]:
        """The payloads of all answers to a dump request."""
        self._socket.send(message)
        while True:
            for kind, payload in _messages(self._socket.recv(1 << 17)):
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    code = -struct.unpack_from("=i", payload)[0]
                    raise OSError(code, f"netlink dump: {os.strerror(code)}")
                yield payload

    def wait_until_up(self, index: int) -> None:
        """Until a link carries packets. Raises TimeoutError.

        One end of a pair is always opened before the other, and drops everything until a worker of the kernel has
        noticed that its peer is there. A first SYN lost in that moment costs its sender a second.
        """
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while self._state(index) != _OPERATIONAL:
            if time.monotonic() > deadline:
                raise TimeoutError(f"link {index} did not come up within {_TIMEOUT_SECONDS} s")
            time.sleep(0.0005)

    def _state(self, index: int) -> int:
        self._socket.send(message(_GETLINK, _LINK.pack(0, 0, index, 0, 0), 0))
        ((kind, payload),) = _messages(self._socket.recv(1 << 17))
        if kind == _ERROR:
            code = -struct.unpack_from("=i", payload)[0]
            raise OSError(code, f"link {index}: {os.strerror(code)}")
        return attributes(payload[_LINK.size :])[16][0]

    def _acknowledgements(self) -> list[int]:
        received = _messages(self._socket.recv(1 << 17))
        return [-struct.unpack_from("=i", payload)[0] for kind, payload in received if kind == _ERROR]


def new_veth(name: str, index: int, peer: str, peer_index: int, peer_netns: int) -> bytes:
    """A pair of links: `name` here, up; `peer` in the namespace of the descriptor, down.

    The kernel refuses to bring the peer up before the pair is whole (ENOTCONN).
    """
    far = _LINK.pack(0, 0, peer_index, 0, 0) + _named(peer) + _number(28, peer_netns)
    near = _named(name) + _info(b"veth", attribute(1, far))
    return message(_NEWLINK, _LINK.pack(0, 0, index, _UP, _UP) + near, _ACK | _CREATE | _EXCLUSIVE)


def new_bridge(name: str, index: int, mac: bytes) -> bytes:
    """A bridge, up. Its own hardware address is given because one borrowed from a port changes as ports come."""
    body = _LINK.pack(0, 0, index, _UP, _UP) + _named(name) + attribute(1, mac) + _info(b"bridge", b"")
    return message(_NEWLINK, body, _ACK | _CREATE | _EXCLUSIVE)


def new_port(name: str, index: int, bridge: int, peer: str, peer_index: int, peer_mac: bytes, peer_netns: int) -> bytes:
    """The same as a port of a bridge, the peer with a hardware address."""
    far = _LINK.pack(0, 0, peer_index, 0, 0) + _named(peer) + attribute(1, peer_mac) + _number(28, peer_netns)
    near = _named(name) + _info(b"veth", attribute(1, far)) + _number(10, bridge)
    return message(_NEWLINK, _LINK.pack(0, 0, index, _UP, _UP) + near, _ACK | _CREATE | _EXCLUSIVE)


def link_up(index: int) -> bytes:
    return message(_SETLINK, _LINK.pack(0, 0, index, _UP, _UP))


def delete_link(index: int) -> bytes:
    """Its peer goes with it."""
    return message(_DELLINK, _LINK.pack(0, 0, index, 0, 0))


def new_address(interface: str, index: int) -> bytes:
    """`interface` is an address with its prefix, 198.19.255.1/24."""
    given = IPv4Interface(interface)
    header = _ADDRESS.pack(socket.AF_INET, given.network.prefixlen, 0, 0, index)
    return message(_NEWADDR, header + attribute(1, given.ip.packed) + attribute(2, given.ip.packed), _ACK | _CREATE)


def new_neighbour(address: str, mac: bytes, index: int) -> bytes:
    """Where an address is on a link, for good."""
    permanent = 0x80
    header = _NEIGHBOUR.pack(socket.AF_INET, index, permanent, 0, 0)
    return message(
        _NEWNEIGH, header + attribute(1, socket.inet_aton(address)) + attribute(2, mac), _ACK | _CREATE | _REPLACE
    )


def new_route(destination: str, index: int, *, via: str = "", source: str = "") -> bytes:
    """To a range through a link, by a gateway or directly; replaces the route to the same range."""
    network = IPv4Network(destination)
    static, unicast = 4, 1
    scope = _ANYWHERE if via else _ON_LINK
    header = _ROUTE.pack(socket.AF_INET, network.prefixlen, 0, 0, _MAIN, static, scope, unicast, 0)
    body = header + attribute(1, network.network_address.packed) + _number(4, index)
    body += attribute(5, socket.inet_aton(via)) if via else b""
    body += attribute(7, socket.inet_aton(source)) if source else b""
    return message(_NEWROUTE, body, _ACK | _CREATE | _REPLACE)


def delete_route(destination: str) -> bytes:
    network = IPv4Network(destination)
    header = _ROUTE.pack(socket.AF_INET, network.prefixlen, 0, 0, _MAIN, 0, _NOWHERE, 0, 0)
    return message(_DELROUTE, header + attribute(1, network.network_address.packed))


def message(kind: int, body: bytes, flags: int = _ACK) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, _REQUEST | flags, 0, 0) + body


def attribute(kind: int, payload: bytes) -> bytes:
    size = _ATTRIBUTE.size + len(payload)
    return _ATTRIBUTE.pack(size, kind) + payload + bytes(-size % 4)


def attributes(body: bytes) -> dict[int, bytes]:
    """Kind to payload, flags of the kind taken off."""
    found: dict[int, bytes] = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(body):
        size, kind = _ATTRIBUTE.unpack_from(body, at)
        found[kind & 0x3FFF] = body[at + _ATTRIBUTE.size : at + size]
        at += max(size + -size % 4, _ATTRIBUTE.size)
    return found


def _messages(received: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(received):
        size, kind, _, _, _ = _HEADER.unpack_from(received, at)
        yield kind, received[at + _HEADER.size : at + size]
        at += size + -size % 4


def _named(name: str) -> bytes:
    return attribute(3, name.encode() + b"\0")


def _number(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))


def _info(kind: bytes, data: bytes) -> bytes:
    return attribute(18, attribute(1, kind) + attribute(2, data))
