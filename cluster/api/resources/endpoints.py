"""Endpoints: the older view of who stands behind a Service."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, required
from cluster.api.metadata import label, qualified_name, subdomain
from cluster.api.resource import Resource
from cluster.api.resources.checks import PROTOCOLS, check_enum, check_name, check_range
from cluster.api.resources.ip_rules import check_ip, check_reach, ip_warnings
from cluster.api.tables.services import ENDPOINTS
from cluster.client import Obj


def fill(endpoints: Obj) -> None:
    for subset in endpoints.get("subsets") or ():
        for port in subset.get("ports") or ():
            port.setdefault("protocol", "TCP")


def rules(endpoints: Obj, old: Obj | None) -> Iterator[FieldError]:
    if old is not None and endpoints.get("subsets") == old.get("subsets"):
        return
    for i, subset in enumerate(endpoints.get("subsets") or ()):
        path = f"subsets[{i}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            yield required(path, "must specify `addresses` or `notReadyAddresses`")
        for kind in ("addresses", "notReadyAddresses"):
            for j, address in enumerate(subset.get(kind) or ()):
                yield from _check_address(address, f"{path}.{kind}[{j}]")
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
    if port.get("appProtocol") is not None:
        yield from check_name(port["appProtocol"], f"{path}.appProtocol", qualified_name)


def _check_address(address: Obj, path: str) -> Iterator[FieldError]:
    ip = address.get("ip", "")
    yield from check_ip(ip, f"{path}.ip")
    if address.get("hostname"):
        yield from check_name(address["hostname"], f"{path}.hostname", label)
    if address.get("nodeName") is not None:
        yield from check_name(address["nodeName"], f"{path}.nodeName", subdomain)
    yield from check_reach(ip, f"{path}.ip")


def warnings(endpoints: Obj, _old: Obj | None) -> Iterator[str]:
    if (endpoints["metadata"].get("labels") or {}).get("endpoints.kubernetes.io/managed-by") == "endpoint-controller":
        return
    for i, subset in enumerate(endpoints.get("subsets") or ()):
        for kind in ("addresses", "notReadyAddresses"):
            for j, address in enumerate(subset.get(kind) or ()):
                yield from ip_warnings(address.get("ip", ""), f"subsets[{i}].{kind}[{j}].ip")


RESOURCE = Resource(
    plural="endpoints",
    kind="Endpoints",
    short_names=("ep",),
    table=ENDPOINTS,
    deprecated="v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    fill=fill,
    rules=rules,
    warnings=warnings,
)
