"""EndpointSlices."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from cluster.api.field_errors import FieldError, duplicate, invalid, required
from cluster.api.metadata import immutable, label, qualified_name, subdomain
from cluster.api.resource import Resource
from cluster.api.resources.checks import PROTOCOLS, check_enum, check_name
from cluster.api.resources.endpoints import check_reach
from cluster.api.tables.services import ENDPOINT_SLICES
from cluster.client import NotImplementedHere, Obj


def fill(slice: Obj) -> None:
    slice.setdefault("endpoints", None)
    slice.setdefault("ports", None)
    for endpoint in slice["endpoints"] or ():
        endpoint.setdefault("conditions", {})
    for port in slice["ports"] or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def rules(slice: Obj, old: Obj | None) -> Iterator[FieldError]:
    yield from check_enum(slice, "", "addressType", ("FQDN", "IPv4", "IPv6"))
    yield from _check_ports(slice["ports"] or [])
    for i, endpoint in enumerate(slice["endpoints"] or ()):
        yield from _check_endpoint(endpoint, slice.get("addressType", ""), f"endpoints[{i}]")
    if old is not None and slice.get("addressType") != old.get("addressType"):
        yield immutable("addressType", slice.get("addressType"))


def _check_ports(ports: list[Obj]) -> Iterator[FieldError]:
    names: set[str] = set()
    for i, port in enumerate(ports):
        path, name = f"ports[{i}]", port["name"]
        if name:
            yield from check_name(name, f"{path}.name", label)
        if name in names:
            yield duplicate(f"{path}.name", name)
        names.add(name)
        yield from check_enum(port, path, "protocol", PROTOCOLS)
        if port.get("appProtocol"):
            yield from check_name(port["appProtocol"], f"{path}.appProtocol", qualified_name)


def _check_endpoint(endpoint: Obj, kind: str, path: str) -> Iterator[FieldError]:
    if not endpoint.get("addresses"):
        yield required(f"{path}.addresses", "must contain at least 1 address")
    for i, address in enumerate(endpoint.get("addresses") or ()):
        if kind == "FQDN":
            yield from check_name(address, f"{path}.addresses[{i}]", subdomain)
        else:
            yield from _check_address(address, kind, path, f"{path}.addresses[{i}]")
    if endpoint.get("hostname"):
        yield from check_name(endpoint["hostname"], f"{path}.hostname", label)


def _check_address(text: str, kind: str, path: str, at: str) -> Iterator[FieldError]:
    try:
        address = ip_address(text)
    except ValueError:
        yield invalid(at, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")
        return
    if kind in ("IPv4", "IPv6") and kind != f"IPv{address.version}":
        yield invalid(f"{path}.addresses", text, f"must be an {kind} address")
    yield from check_reach(text, at)


def desired(slice: Obj) -> tuple[Any, ...]:
    return slice.get("endpoints"), slice.get("ports"), slice["metadata"].get("labels")


def unsupported(slice: Obj) -> Iterator[NotImplementedHere]:
    if slice.get("addressType") != "IPv4":
        yield NotImplementedHere("addressType is not supported by this cluster unless IPv4: the network is IPv4")


RESOURCE = Resource(
    group="discovery.k8s.io",
    plural="endpointslices",
    kind="EndpointSlice",
    table=ENDPOINT_SLICES,
    desired=desired,
    fill=fill,
    rules=rules,
    unsupported=unsupported,
)
