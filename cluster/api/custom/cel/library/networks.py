"""Addresses and networks of IP."""

from collections.abc import Callable
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv6Address,
    IPv6Interface,
    ip_address,
    ip_interface,
)
from typing import Any

from cluster.api.custom.cel.problems import EvaluationError

Address = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface
"""A network together with the address that it was written with."""


def _ip(text: str) -> Address:
    try:
        address = ip_address(text)
    except ValueError:
        why = f'ParseAddr("{text}"): unable to parse IP'
        raise EvaluationError(f'IP Address "{text}" parse error during conversion from string: {why}') from None
    if isinstance(address, IPv6Address) and address.scope_id:
        raise EvaluationError(f'IP address "{text}" with zone value is not allowed')
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        raise EvaluationError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return address


def _cidr(text: str) -> Interface:
    address, slash, length = text.partition("/")
    failed = "network address parse error during conversion from string"
    try:
        whole = ip_interface(text if slash and length.isdigit() and str(int(length)) == length else "")
    except ValueError:
        raise EvaluationError(f'{failed}: {failed}: netip.ParsePrefix("{text}"): no network') from None
    if isinstance(whole, IPv6Interface) and (whole.ip.ipv4_mapped or "%" in address):
        raise EvaluationError(f'{failed}: IPv4-mapped IPv6 address "{text}" is not allowed')
    return whole


def _succeeds(read: Callable[[str], object]) -> Callable[[str], bool]:
    def succeeds(text: str) -> bool:
        try:
            return bool(read(text)) or True
        except EvaluationError:
            return False

    return succeeds


def _holds(outer: Interface, address: Address) -> bool:
    return address in outer.network


def _holds_all(outer: Interface, inner: Interface) -> bool:
    same = outer.version == inner.version
    return same and inner.ip in outer.network and outer.network.prefixlen <= inner.network.prefixlen


def _is_global(address: Address) -> bool:
    """In Go's meaning: one machine's, not only on its link."""
    broadcast = address == IPv4Address("255.255.255.255")
    local = address.is_loopback or address.is_link_local or address.is_unspecified
    return not (local or broadcast or address.is_multicast)


def _is_link_local_multicast(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return address.packed[:3] == bytes([224, 0, 0])
    return address.packed[0] == 0xFF and address.packed[1] & 0x0F == 2


def _masked(cidr: Interface) -> Interface:
    return ip_interface(f"{cidr.network.network_address}/{cidr.network.prefixlen}")


NETWORKS: dict[str, Callable[..., Any]] = {
    "ip(string) net.IP": _ip,
    "isIP(string) bool": _succeeds(_ip),
    "ip.isCanonical(string) bool": lambda text: str(_ip(text)) == text,
    "string(net.IP) string": str,
    "net.IP . family() int": lambda address: address.version,
    "net.IP . isUnspecified() bool": lambda address: address.is_unspecified,
    "net.IP . isLoopback() bool": lambda address: address.is_loopback,
    "net.IP . isLinkLocalMulticast() bool": _is_link_local_multicast,
    "net.IP . isLinkLocalUnicast() bool": lambda address: address.is_link_local,
    "net.IP . isGlobalUnicast() bool": _is_global,
    "cidr(string) net.CIDR": _cidr,
    "isCIDR(string) bool": _succeeds(_cidr),
    "string(net.CIDR) string": str,
    "net.CIDR . containsIP(string) bool": lambda outer, text: _holds(outer, _ip(text)),
    "net.CIDR . containsIP(net.IP) bool": _holds,
    "net.CIDR . containsCIDR(string) bool": lambda outer, text: _holds_all(outer, _cidr(text)),
    "net.CIDR . containsCIDR(net.CIDR) bool": _holds_all,
    "net.CIDR . ip() net.IP": lambda cidr: cidr.ip,
    "net.CIDR . prefixLength() int": lambda cidr: cidr.network.prefixlen,
    "net.CIDR . masked() net.CIDR": _masked,
}
