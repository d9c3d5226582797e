"""What the network needs to know of API objects, as values: two that are equal make no difference to any packet."""

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from cluster.client import Obj

Key = tuple[str, str]
"""Namespace and name."""

Labels = tuple[tuple[str, str], ...]
NamedPort = tuple[str, str, int]
"""Name, protocol in lower case, number."""


@dataclass(frozen=True, slots=True)
class ServicePort:
    name: str
    protocol: str
    """tcp or udp."""
    port: int
    node_port: int = 0


@dataclass(frozen=True, slots=True)
class Service:
    """`address` is "" for a headless Service and for ExternalName. Affinity 0 is none."""

    key: Key
    type: str
    address: str
    ports: tuple[ServicePort, ...]
    affinity_seconds: int = 0
    internal_local: bool = False
    external_local: bool = False
    external_name: str = ""


@dataclass(frozen=True, slots=True)
class SliceEndpoint:
    address: str
    node: str
    ready: bool
    serving: bool
    terminating: bool
    hostname: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    """One EndpointSlice."""

    service: Key
    ports: tuple[NamedPort, ...]
    endpoints: tuple[SliceEndpoint, ...]


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that has an address of its own or may get one."""

    uid: str
    namespace: str
    labels: Labels
    address: str
    node: str
    ports: tuple[NamedPort, ...]


@dataclass(frozen=True, slots=True)
class HostPorts:
    """A pod that is reached by ports of its node: protocol, port of the node, port of the pod."""

    address: str
    node: str
    ports: tuple[tuple[str, int, int], ...]


def service(obj: Obj) -> Service:
    spec = obj["spec"]
    address = spec.get("clusterIP") or ""
    affinity = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    return Service(
        key=key_of(obj),
        type=spec.get("type", "ClusterIP"),
        address="" if address == "None" else address,
        ports=tuple(map(_service_port, spec.get("ports") or ())),
        affinity_seconds=affinity.get("timeoutSeconds", 10800) if spec.get("sessionAffinity") == "ClientIP" else 0,
        internal_local=spec.get("internalTrafficPolicy") == "Local",
        external_local=spec.get("externalTrafficPolicy") == "Local",
        external_name=spec.get("externalName", ""),
    )


def endpoint_slice(obj: Obj) -> Slice | None:
    """None for a slice of no Service, and for IPv6, which this network does not speak."""
    owner = (obj["metadata"].get("labels") or {}).get("kubernetes.io/service-name")
    if not owner or obj.get("addressType") != "IPv4":
        return None
    return Slice(
        service=(obj["metadata"].get("namespace", ""), owner),
        ports=tuple((p.get("name") or "", _protocol(p), p["port"]) for p in obj.get("ports") or () if p.get("port")),
        endpoints=tuple(
            _endpoint(e, address) for e in obj.get("endpoints") or () for address in e["addresses"] if _is_ipv4(address)
        ),
    )


def pod(obj: Obj) -> Pod | None:
    """None for a pod that has ended, and for one in its node's network: neither has an address that rules are about."""
    spec, status, metadata = obj["spec"], obj.get("status") or {}, obj["metadata"]
    if spec.get("hostNetwork") or status.get("phase") in ("Succeeded", "Failed"):
        return None
    return Pod(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        labels=labels(obj),
        address=status.get("podIP") or "",
        node=spec.get("nodeName") or "",
        ports=tuple(_named_ports(spec)),
    )


def host_ports(obj: Obj) -> HostPorts | None:
    """None for the many pods that have none, and for those that have no address."""
    placed = pod(obj)
    ports = [port for container in obj["spec"]["containers"] for port in container.get("ports") or ()]
    wanted = tuple((_protocol(port), port["hostPort"], port["containerPort"]) for port in ports if port.get("hostPort"))
    return HostPorts(placed.address, placed.node, wanted) if wanted and placed and placed.address else None


def labels(obj: Obj) -> Labels:
    return tuple(sorted((obj["metadata"].get("labels") or {}).items()))


def key_of(obj: Obj) -> Key:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _service_port(port: dict[str, Any]) -> ServicePort:
    return ServicePort(port.get("name") or "", _protocol(port), port["port"], port.get("nodePort") or 0)


def _protocol(port: dict[str, Any]) -> str:
    return str(port.get("protocol") or "TCP").lower()


def _endpoint(endpoint: dict[str, Any], address: str) -> SliceEndpoint:
    conditions = endpoint.get("conditions") or {}
    ready = conditions.get("ready") is not False
    serving = conditions.get("serving")
    return SliceEndpoint(
        address=address,
        node=endpoint.get("nodeName") or "",
        ready=ready,
        serving=ready if serving is None else serving,
        terminating=bool(conditions.get("terminating")),
        hostname=endpoint.get("hostname") or "",
    )


def _is_ipv4(address: str) -> bool:
    # Anyone may write an EndpointSlice, and one bad address must not spoil the rules of all.
    try:
        IPv4Address(address)
    except ValueError:
        return False
    return True


def _named_ports(spec: dict[str, Any]) -> list[NamedPort]:
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    ports = [port for container in containers for port in container.get("ports") or ()]
    return [(port["name"], _protocol(port), port["containerPort"]) for port in ports if port.get("name")]
