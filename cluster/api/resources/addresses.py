"""Who gets which cluster IP and node port: pure choices over the sets in use.

`below(n)` is the injected chance: a whole number from 0 to n-1. A taken choice moves on to the next free one.
"""

import ipaddress
from collections.abc import Callable, Collection, Iterator

from cluster.api.field_errors import FieldError, invalid
from cluster.client import Obj

Below = Callable[[int], int]
HEADLESS = "None"
NO_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def needs_cluster_ip(service: Obj) -> bool:
    spec = service["spec"]
    return bool(spec.get("type") != "ExternalName" and spec.get("clusterIP") != HEADLESS)


def needs_node_ports(service: Obj) -> bool:
    spec = service["spec"]
    if spec.get("type") == "LoadBalancer":
        return bool(spec.get("allocateLoadBalancerNodePorts", True))
    return bool(spec.get("type") == "NodePort")


def allocate(
    service: Obj,
    old: Obj | None,
    *,
    network: str,
    node_ports: range,
    used_addresses: Collection[str],
    used_ports: Collection[tuple[str, int]],
    below: Below,
) -> list[FieldError]:
    """Give `service` (in place) the addresses and node ports it needs and has not; say what first cannot be given.

    The used sets are those of all other Services; ports are ("TCP", 30080). `network` is the CIDR of cluster IPs.
    """
    if errors := list(_check_families(service, old)):
        return errors
    errors = list(_allocate_address(service, old, ipaddress.IPv4Network(network), used_addresses, below))
    if errors or not needs_node_ports(service):
        return errors
    return list(_allocate_ports(service, node_ports, used_ports, below))[:1]


def _check_families(service: Obj, old: Obj | None) -> Iterator[FieldError]:
    """The network has addresses of one family."""
    spec = service["spec"]
    if not needs_cluster_ip(service) and (spec.get("type") == "ExternalName" or not spec.get("selector")):
        return
    if spec.get("ipFamilyPolicy") == "SingleStack":
        yield from _check_single(spec)
    if spec.get("ipFamilyPolicy") == "RequireDualStack":
        why = "this cluster is not configured for dual-stack services"
        yield invalid("spec.ipFamilyPolicy", "RequireDualStack", why)
    for i, family in enumerate(spec.get("ipFamilies") or ()):
        if family == "IPv6" and not _has_address(old):
            yield invalid(f"spec.ipFamilies[{i}]", family, "not configured on this cluster")


def _check_single(spec: Obj) -> Iterator[FieldError]:
    for name, what in (("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families")):
        if len(spec.get(name) or ()) == 2:
            why = f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
            yield invalid("spec.ipFamilyPolicy", "SingleStack", why)


def used_by(services: Collection[Obj]) -> tuple[set[str], set[tuple[str, int]]]:
    """The addresses and node ports that these Services hold."""
    addresses = {ip for s in services if (ip := s["spec"].get("clusterIP")) and ip != HEADLESS}
    ports = {
        (port.get("protocol", "TCP"), port["nodePort"])
        for s in services
        for port in s["spec"].get("ports") or ()
        if port.get("nodePort")
    }
    return addresses, ports


def _allocate_address(
    service: Obj, old: Obj | None, network: ipaddress.IPv4Network, used: Collection[str], below: Below
) -> Iterator[FieldError]:
    spec = service["spec"]
    wanted = spec.get("clusterIP")
    if needs_cluster_ip(service) and not wanted and spec.get("clusterIPs"):
        return
    if needs_cluster_ip(service) and not wanted:
        spec["clusterIP"] = _free_address(network, used, below)
    elif needs_cluster_ip(service) and not _has_address(old):
        yield from _check_wanted(wanted, network, used)
    if spec.get("clusterIP"):
        spec.setdefault("clusterIPs", [spec["clusterIP"]])


def _has_address(service: Obj | None) -> bool:
    """That it may not have another is for the rules to say."""
    return service is not None and needs_cluster_ip(service) and bool(service["spec"].get("clusterIP"))


def _check_wanted(wanted: str, network: ipaddress.IPv4Network, used: Collection[str]) -> Iterator[FieldError]:
    try:
        inside = ipaddress.IPv4Address(wanted) in network
    except ValueError:
        yield invalid("spec.clusterIPs[0]", wanted, NO_ADDRESS)
        return
    if not inside:
        why = "the provided network does not match the current range"
        yield invalid("spec.clusterIPs", [wanted], f"failed to allocate IP {wanted}: {why}")
    elif wanted in used:
        yield invalid("spec.clusterIPs", [wanted], f"failed to allocate IP {wanted}: provided IP is already allocated")


def _free_address(network: ipaddress.IPv4Network, used: Collection[str], below: Below) -> str:
    # The lower addresses are left to those who ask for a certain one, as Kubernetes does.
    reserved = min(max(16, network.num_addresses // 16), 256)
    count = network.num_addresses - reserved - 1
    start = below(count)
    for step in range(count):
        address = str(network[reserved + (start + step) % count])
        if address not in used:
            return address
    raise RuntimeError(f"no cluster IP is free in {network}: {len(used)} are in use; delete Services")


def _allocate_ports(
    service: Obj, valid: range, used: Collection[tuple[str, int]], below: Below
) -> Iterator[FieldError]:
    taken = set(used)
    for i, port in enumerate(service["spec"].get("ports") or ()):
        protocol, wanted = port.get("protocol", "TCP"), port.get("nodePort")
        if not wanted:
            port["nodePort"] = wanted = _free_port(protocol, valid, taken, below)
        elif wanted not in valid:
            why = f"provided port is not in the valid range. The range of valid ports is {valid[0]}-{valid[-1]}"
            yield invalid(f"spec.ports[{i}].nodePort", wanted, why)
        elif (protocol, wanted) in taken:
            yield invalid(f"spec.ports[{i}].nodePort", wanted, "provided port is already allocated")
        taken.add((protocol, wanted))


def _free_port(protocol: str, valid: range, taken: Collection[tuple[str, int]], below: Below) -> int:
    start = below(len(valid))
    for step in range(len(valid)):
        port = valid[(start + step) % len(valid)]
        if (protocol, port) not in taken:
            return port
    raise RuntimeError(f"no node port is free in {valid[0]}-{valid[-1]}; delete Services of type NodePort")
