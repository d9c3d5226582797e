"""Endpoints: the older view of who stands behind a Service."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from cluster.api.field_errors import FieldError, invalid, required
from cluster.api.metadata import label, qualified_name
from cluster.api.resource import Resource
from cluster.api.resources.checks import PROTOCOLS, check_enum, check_name, check_range
from cluster.api.resources.podspec_rules import check_ip
from cluster.api.tables.services import ENDPOINTS
from cluster.client import Obj

_LOCAL_MULTICAST = ip_network("224.0.0.0/24")


def fill(endpoints: Obj) -> None:
    for subset in endpoints.get("subsets") or ():
        for port in subset.get("ports") or ():
            port.setdefault("protocol", "TCP")


def rules(endpoints: Obj, _old: Obj | None) -> Iterator[FieldError]:
    for i, subset in enumerate(endpoints.get("subsets") or ()):
        path = f"subsets[{i}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            yield required(path, "must specify `addresses` or `notReadyAddresses`")
        for kind in ("addresses", "notReadyAddresses"):
            for j, address in enumerate(subset.get(kind) or ()):
                yield from check_address(address.get("ip", ""), f"{path}.{kind}[{j}].ip")
                if address.get("hostname"):
                    yield from check_name(address["hostname"], f"{path}.{kind}[{j}].hostname", label)
        ports = subset.get("ports") or ()
        for j, port in enumerate(ports):
            yield from _check_port(port, f"{path}.ports[{j}]", named=len(ports) > 1)


def _check_port(port: Obj, path: str, *, named: bool) -> Iterator[FieldError]:
    if port.get("name"):
        yield from check_name(port["name"], f"{path}.name", label)
    elif named:
        yield required(f"{path}.name")
    yield from check_range(port.get("port", 0), f"{path}.port", 1, 65535)
    yield from check_enum(port, path, "protocol", PROTOCOLS)
    if port.get("appProtocol"):
        yield from check_name(port["appProtocol"], f"{path}.appProtocol", qualified_name)


def check_address(text: str, path: str) -> Iterator[FieldError]:
    yield from (wrong := list(check_ip(text, path)))
    if wrong:
        yield invalid(path, text, "must be a valid IP address")
        return
    yield from check_reach(text, path)


def check_reach(text: str, path: str) -> Iterator[FieldError]:
    """Nobody reaches an endpoint at an address of these kinds."""
    address = ip_address(text)
    for what, is_wrong in (
        ("may not be unspecified (0.0.0.0 or ::)", address.is_unspecified),
        ("may not be in the loopback range (127.0.0.0/8, ::1/128)", address.is_loopback),
        ("may not be in the link-local range (169.254.0.0/16, fe80::/10)", address.is_link_local),
        ("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)", address in _LOCAL_MULTICAST),
    ):
        if is_wrong:
            yield invalid(path, text, what)


RESOURCE = Resource(
    plural="endpoints",
    kind="Endpoints",
    short_names=("ep",),
    table=ENDPOINTS,
    deprecated="v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    fill=fill,
    rules=rules,
)
