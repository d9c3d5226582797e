"""EndpointSlices."""

from collections.abc import Iterator
from typing import Any

from cluster.api.field_errors import FieldError, duplicate, invalid, required, too_many
from cluster.api.metadata import NameRule, immutable, label, label_value, qualified_name, subdomain
from cluster.api.resource import Resource
from cluster.api.resources.checks import PROTOCOLS, check_enum, check_name
from cluster.api.resources.empties import show_empty
from cluster.api.resources.ip_rules import check_canonical_ip, check_ip, check_reach, ip_warnings, parse_ip
from cluster.api.tables.services import ENDPOINT_SLICES
from cluster.client import NotImplementedHere, Obj

ADDRESSES_MAX, PORTS_MAX, ENDPOINTS_MAX, HINTS_MAX = 100, 20_000, 1000, 8
_CONTROLLERS = ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io")


def fill(slice: Obj) -> None:
    show_empty(slice, "endpoints", "ports")
    for endpoint in slice["endpoints"] or ():
        endpoint.setdefault("conditions", {})
    for port in slice["ports"] or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def rules(slice: Obj, old: Obj | None) -> Iterator[FieldError]:
    yield from check_enum(slice, "", "addressType", ("FQDN", "IPv4", "IPv6"))
    yield from _check_ports(slice["ports"] or [])
    if old is None or slice["endpoints"] != old.get("endpoints"):
        yield from _check_endpoints(slice["endpoints"] or [], slice.get("addressType", ""))
    if old is not None and slice.get("addressType") != old.get("addressType"):
        yield immutable("addressType", slice.get("addressType"))


def _check_endpoints(endpoints: list[Obj], kind: str) -> Iterator[FieldError]:
    if len(endpoints) > ENDPOINTS_MAX:
        yield too_many("endpoints", len(endpoints), ENDPOINTS_MAX)
        return
    for i, endpoint in enumerate(endpoints):
        yield from _check_endpoint(endpoint, kind, f"endpoints[{i}]")


def _check_ports(ports: list[Obj]) -> Iterator[FieldError]:
    names: set[str] = set()
    if len(ports) > PORTS_MAX:
        yield too_many("ports", len(ports), PORTS_MAX)
        return
    for i, port in enumerate(ports):
        path, name = f"ports[{i}]", port["name"]
        if name:
            yield from check_name(name, f"{path}.name", label)
        if name in names:
            yield duplicate(f"{path}.name", name)
        names.add(name)
        yield from check_enum(port, path, "protocol", PROTOCOLS)
        if port.get("appProtocol") is not None:
            yield from check_name(port["appProtocol"], f"{path}.appProtocol", qualified_name)


def _check_endpoint(endpoint: Obj, kind: str, path: str) -> Iterator[FieldError]:
    addresses = endpoint.get("addresses") or []
    if not addresses:
        yield required(f"{path}.addresses", "must contain at least 1 address")
    elif len(addresses) > ADDRESSES_MAX:
        yield too_many(f"{path}.addresses", len(addresses), ADDRESSES_MAX)
    for i, address in enumerate(addresses):
        if kind == "FQDN":
            yield from _check_domain(address, f"{path}.addresses[{i}]")
        elif kind in ("IPv4", "IPv6"):
            yield from _check_address(address, kind, f"{path}.addresses", i)
    if endpoint.get("nodeName") is not None:
        yield from check_name(endpoint["nodeName"], f"{path}.nodeName", subdomain)
    if endpoint.get("hostname") is not None:
        yield from check_name(endpoint["hostname"], f"{path}.hostname", label)
    for kinds, most, rule in (("forZones", HINTS_MAX, label_value), ("forNodes", HINTS_MAX, subdomain)):
        hints = (endpoint.get("hints") or {}).get(kinds) or []
        yield from _check_hints(hints, f"{path}.hints.{kinds}", most, rule)


def _check_hints(hints: list[Obj], path: str, most: int, rule: NameRule) -> Iterator[FieldError]:
    if len(hints) > most:
        yield too_many(path, len(hints), most)
        return
    names = [hint.get("name", "") for hint in hints]
    for i, name in enumerate(names):
        if name in names[:i]:
            yield duplicate(f"{path}[{i}].name", name)
        yield from check_name(name, f"{path}[{i}].name", rule)


def _check_domain(name: str, path: str) -> Iterator[FieldError]:
    domain = name.removesuffix(".")
    if not name:
        yield required(path)
    elif wrong := subdomain(domain):
        yield invalid(path, domain, ",".join(wrong))
    elif "." not in domain:
        yield invalid(path, domain, "should be a domain with at least two segments separated by dots")
    else:
        wrong_parts = [part for part in domain.split(".") if label(part)]
        yield from (invalid(path, part, ",".join(label(part))) for part in wrong_parts[:1])


def _check_address(text: str, kind: str, path: str, place: int) -> Iterator[FieldError]:
    at, check = f"{path}[{place}]", check_ip if kind == "IPv4" else check_canonical_ip
    yield from (wrong := list(check(text, at)))
    if wrong:
        return
    if (address := parse_ip(text)) is not None and kind != f"IPv{address.version}":
        yield invalid(path, text, f"must be an {kind} address")
    yield from check_reach(text, at)


def warnings(slice: Obj, old: Obj | None) -> Iterator[str]:
    if old is None and slice.get("addressType") == "FQDN":
        yield "spec.addressType: FQDN endpoints are deprecated"
    if (slice["metadata"].get("labels") or {}).get("endpointslice.kubernetes.io/managed-by") in _CONTROLLERS:
        return
    for i, endpoint in enumerate(slice["endpoints"] or ()):
        for j, address in enumerate(endpoint.get("addresses") or ()):
            yield from ip_warnings(address, f"endpoints[{i}].addresses[{j}]")


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
    warnings=warnings,
)
