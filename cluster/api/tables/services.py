"""Services and who stands behind them."""

from cluster.api.tables.duration import age
from cluster.api.tables.table import AGE, NAME, Cells, Column, Table, wide
from cluster.api.tables.text import NONE, UNSET, few, labels_text, name, or_none
from cluster.client import Obj


def service(obj: Obj, now: float) -> Cells:
    spec = obj.get("spec", {})
    return [
        name(obj),
        spec.get("type", ""),
        or_none(spec.get("clusterIP")),
        _external(obj),
        ",".join(_port(port) for port in spec.get("ports") or ()) or NONE,
        age(obj, now),
        labels_text(spec.get("selector")),
    ]


def _external(obj: Obj) -> str:
    spec = obj.get("spec", {})
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    given = [str(i.get("ip") or i.get("hostname")) for i in _ingress(obj)] + (spec.get("externalIPs") or [])
    return ",".join(given) or ("<pending>" if spec.get("type") == "LoadBalancer" else NONE)


def _ingress(obj: Obj) -> list[Obj]:
    return list(obj.get("status", {}).get("loadBalancer", {}).get("ingress") or ())


def _port(port: Obj) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node}/{port.get('protocol', 'TCP')}"


def endpoints(obj: Obj, now: float) -> Cells:
    subsets = obj.get("subsets") or ()
    found = [text for subset in subsets for text in _subset(subset)]
    # Addresses that are all unready leave the cell empty; the real API does not say <none> then.
    return [name(obj), few(found, "" if subsets else NONE), age(obj, now)]


def _subset(subset: Obj) -> list[str]:
    addresses = [address["ip"] for address in subset.get("addresses") or ()]
    ports = subset.get("ports")
    if not ports:
        return addresses
    return [f"{address}:{port['port']}" for port in ports for address in addresses]


def endpoint_slice(obj: Obj, now: float) -> Cells:
    ports = [str(port["port"]) if port.get("port") else "*" for port in obj.get("ports") or ()]
    addresses = [a for endpoint in obj.get("endpoints") or () for a in endpoint.get("addresses") or ()]
    return [name(obj), obj.get("addressType", ""), few(ports, UNSET), few(addresses, UNSET), age(obj, now)]


SERVICES = Table(
    (
        NAME,
        Column(name="Type"),
        Column(name="Cluster-IP"),
        Column(name="External-IP"),
        Column(name="Port(s)"),
        AGE,
        wide("Selector"),
    ),
    service,
)
ENDPOINTS = Table((NAME, Column(name="Endpoints"), AGE), endpoints)
ENDPOINT_SLICES = Table(
    (NAME, Column(name="AddressType"), Column(name="Ports"), Column(name="Endpoints"), AGE), endpoint_slice
)
