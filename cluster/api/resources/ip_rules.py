"""What may stand where an address or a network is asked for, and what of it is told as a warning.

Kubernetes reads addresses as Go once did, leading zeros and all, and refuses what other programs would read otherwise.
"""

import re
from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from cluster.api.field_errors import FieldError, invalid

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NO_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
NO_NETWORK = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
_LEADING_ZEROS = re.compile(r"(?<![0-9a-fA-F:])0+(?=[0-9])")
_LOCAL_MULTICAST = ip_network("224.0.0.0/24")
_LOCAL_MULTICAST_6 = re.compile(r"ff[0-9a-f]2:")


def parse_ip(text: str) -> Address | None:
    """None for what is no address; leading zeros in the parts of an IPv4 one are passed over."""
    plain = _LEADING_ZEROS.sub("", text) if ":" not in text else text
    try:
        return None if "%" in text else ip_address(plain)
    except ValueError:
        return None


def parse_cidr(text: str) -> tuple[Address, Network] | None:
    """The address as it is written, and its network."""
    host, _, bits = text.partition("/")
    address = parse_ip(host)
    if address is None or not (bits.isascii() and bits.isdecimal()) or int(bits) > address.max_prefixlen:
        return None
    return address, ip_network(f"{address}/{int(bits)}", strict=False)


def is_address(text: str) -> bool:
    return parse_ip(text) is not None


def is_network(text: str) -> bool:
    return parse_cidr(text) is not None


def check_ip(text: str, path: str, known: Collection[str] = ()) -> Iterator[FieldError]:
    """An address of an older field; what stood there before (`known`) may stay."""
    address = parse_ip(text)
    if text in known:
        return
    if address is None:
        yield invalid(path, text, NO_ADDRESS)
    elif _has_leading_zeros(text):
        yield invalid(path, text, "must not have leading 0s")
    elif _is_mapped(address):
        yield invalid(path, text, "must not be an IPv4-mapped IPv6 address")


def check_canonical_ip(text: str, path: str) -> Iterator[FieldError]:
    """An address of a newer field: spelt in one way only."""
    yield from (wrong := list(check_ip(text, path)))
    if not wrong and str(parse_ip(text)) != text:
        yield invalid(path, text, f'must be in canonical form ("{parse_ip(text)}")')


def check_cidr(text: str, path: str, known: Collection[str] = ()) -> Iterator[FieldError]:
    parsed = parse_cidr(text)
    if text in known:
        return
    if parsed is None:
        yield invalid(path, text, NO_NETWORK)
    elif _has_leading_zeros(text) or re.search(r"/0[0-9]", text):
        yield invalid(path, text, "must not have leading 0s in IP or prefix length")
    elif _is_mapped(parsed[0]):
        yield invalid(path, text, "must not have an IPv4-mapped IPv6 address")
    elif parsed[0] != parsed[1].network_address:
        yield invalid(path, text, "must not have bits set beyond the prefix length")


def check_reach(text: str, path: str) -> Iterator[FieldError]:
    """Nobody reaches an endpoint at an address of these kinds."""
    address = parse_ip(text)
    if address is None:
        yield invalid(path, text, "must be a valid IP address")
        return
    for what, is_wrong in (
        (f"may not be unspecified ({text})", address.is_unspecified),
        ("may not be in the loopback range (127.0.0.0/8, ::1/128)", address.is_loopback),
        ("may not be in the link-local range (169.254.0.0/16, fe80::/10)", address.is_link_local),
        ("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)", _is_local_multicast(address)),
    ):
        if is_wrong:
            yield invalid(path, text, what)


def ip_warnings(text: str, path: str) -> Iterator[str]:
    """What is allowed of older fields, and read in two ways."""
    address = parse_ip(text)
    if address is None:
        return
    if _has_leading_zeros(text) or _is_mapped(address):
        yield f'{path}: non-standard IP address "{text}" is invalid: use "{_plain(address)}"'
    elif address.version == 6 and str(address) != text:
        yield f'{path}: IPv6 address "{text}" should be in RFC 5952 canonical format ("{address}")'


def cidr_warnings(text: str, path: str) -> Iterator[str]:
    parsed = parse_cidr(text)
    if parsed is None:
        return
    address, network = parsed
    if address != network.network_address:
        alone = f"{address}/{address.max_prefixlen}"
        yield f'{path}: CIDR value "{text}" is ambiguous in this context (should be "{network}" or "{alone}"?)'
    elif network.version == 6 and str(network) != text:
        yield f'{path}: IPv6 CIDR value "{text}" should be in RFC 5952 canonical format ("{network}")'


def _has_leading_zeros(text: str) -> bool:
    return ":" not in text and _LEADING_ZEROS.search(text.partition("/")[0]) is not None


def _is_mapped(address: Address) -> bool:
    return isinstance(address, IPv6Address) and address.ipv4_mapped is not None


def _plain(address: Address) -> Address:
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _is_local_multicast(address: Address) -> bool:
    return address in _LOCAL_MULTICAST or bool(address.version == 6 and _LOCAL_MULTICAST_6.match(address.exploded))
