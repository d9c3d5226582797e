"""Services. Their addresses are given out by `addresses.allocate`, which the verbs call with what is in use."""

from collections.abc import Iterator
from ipaddress import ip_address

from cluster.api.field_errors import FieldError, duplicate, forbidden, invalid, not_supported, required
from cluster.api.metadata import check_labels, label, qualified_name, subdomain
from cluster.api.resource import Resource
from cluster.api.resources.addresses import HEADLESS, NO_ADDRESS, needs_node_ports
from cluster.api.resources.checks import (
    PROTOCOLS,
    check_enum,
    check_name,
    check_optional_enum,
    check_port,
    check_range,
    is_address,
)
from cluster.api.resources.networkpolicies import NO_NETWORK, is_network
from cluster.api.resources.unsupported import refusal
from cluster.api.tables.services import SERVICES
from cluster.client import NotImplementedHere, Obj

_OF_ADDRESSES = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy")
FAMILIES, POLICIES = ("IPv4", "IPv6"), ("PreferDualStack", "RequireDualStack", "SingleStack")
TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
EXPOSED = ("LoadBalancer", "NodePort")
AFFINITY_SECONDS = 10800
AFFINITY_SECONDS_MAX = 86400


def fill(service: Obj) -> None:
    spec = service.setdefault("spec", {})
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("type", "ClusterIP")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    if spec["sessionAffinity"] == "ClientIP":
        client_ip = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        client_ip.setdefault("timeoutSeconds", AFFINITY_SECONDS)
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    if spec.get("clusterIP") == HEADLESS and not spec.get("selector"):
        # Whose endpoints are somebody else's may have any addresses.
        spec.setdefault("ipFamilies", ["IPv4", "IPv6"])
        spec.setdefault("ipFamilyPolicy", "RequireDualStack")
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
    _fill_cluster_ip(spec)
    for port in spec.get("ports") or ():
        port["protocol"] = port.get("protocol") or "TCP"
        port["targetPort"] = port.get("targetPort") or port.get("port")


def _fill_cluster_ip(spec: Obj) -> None:
    if spec.get("clusterIP"):
        spec.setdefault("clusterIPs", [spec["clusterIP"]])


def keep_allocated(new: Obj, old: Obj) -> None:
    """A replacement that does not mention what was given out keeps it, and loses what its new type has no use for."""
    spec, before = new["spec"], old["spec"]
    if "ExternalName" not in (spec["type"], before["type"]) and not spec.get("clusterIP"):
        for name in ("clusterIP", "clusterIPs"):
            spec[name] = before.get(name)
    elif spec.get("clusterIP") != before.get("clusterIP") and spec.get("clusterIPs") == before.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]] if spec.get("clusterIP") else []
    if needs_node_ports(new) and needs_node_ports(old):
        _keep_ports(spec, before)
    if spec["type"] != before["type"]:
        _drop_of_type(spec, before)


def _keep_ports(spec: Obj, before: Obj) -> None:
    given = {_number(port): port.get("nodePort") for port in before.get("ports") or ()}
    mentioned = {port.get("nodePort") for port in spec.get("ports") or ()}
    for port in spec.get("ports") or ():
        kept = given.get(_number(port))
        if kept and not port.get("nodePort") and kept not in mentioned:
            port["nodePort"] = kept


def _drop_of_type(spec: Obj, before: Obj) -> None:
    """What belonged to the type before goes with it, unless the caller changed it himself."""
    kind = spec["type"]
    unused = [
        *(_OF_ADDRESSES if kind == "ExternalName" else ()),
        *(("externalTrafficPolicy",) if kind not in EXPOSED else ()),
        *(("allocateLoadBalancerNodePorts", "loadBalancerClass") if kind != "LoadBalancer" else ()),
    ]
    for name in unused:
        if spec.get(name) == before.get(name) or name in ("clusterIPs", "externalTrafficPolicy"):
            spec.pop(name, None)
    if kind not in EXPOSED:
        kept = {port.get("nodePort") for port in before.get("ports") or ()}
        for port in spec.get("ports") or ():
            if port.get("nodePort") in kept:
                port.pop("nodePort", None)


def _number(port: Obj) -> tuple[int | None, str | None]:
    return port.get("port"), port.get("protocol")


def rules(service: Obj, old: Obj | None) -> Iterator[FieldError]:
    spec = service["spec"]
    ports = spec.get("ports") or []
    if not ports and spec["type"] != "ExternalName" and spec.get("clusterIP") != HEADLESS:
        yield required("spec.ports")
    yield from _check_addresses(spec)
    if spec["type"] == "ExternalName":
        yield from _check_external_name(spec.get("externalName") or "")
    yield from _check_ports(ports)
    yield from check_labels(spec.get("selector"), "spec.selector")
    yield from check_enum(spec, "spec", "sessionAffinity", ("ClientIP", "None"))
    yield from check_enum(spec, "spec", "type", TYPES)
    yield from _check_fit(spec)
    if old is not None:
        yield from _check_change(spec, old["spec"])


def _check_change(spec: Obj, old: Obj) -> Iterator[FieldError]:
    """An address stays as long as the type has one; so does the class of a load balancer."""
    before, now = old.get("clusterIP"), spec.get("clusterIP")
    if before and now != before and "ExternalName" not in (spec["type"], old["type"]):
        yield invalid("spec.clusterIPs[0]", [now], "may not change once set")
    if spec["type"] == old["type"] == "LoadBalancer" and spec.get("loadBalancerClass") != old.get("loadBalancerClass"):
        yield invalid("spec.loadBalancerClass", spec.get("loadBalancerClass"), "may not change once set")


def _check_external_name(name: str) -> Iterator[FieldError]:
    if not name:
        yield required("spec.externalName")
    else:
        yield from check_name(name.removesuffix("."), "spec.externalName", subdomain)


def _check_addresses(spec: Obj) -> Iterator[FieldError]:
    addresses = spec.get("clusterIPs") or []
    if spec["type"] == "ExternalName":
        for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if spec.get(name):
                yield forbidden(f"spec.{name}", "may not be set for ExternalName services")
        return
    if addresses and not spec.get("clusterIP"):
        yield invalid("spec.clusterIPs", addresses, "must be empty when `clusterIP` is not specified")
    elif addresses and addresses[0] != spec["clusterIP"]:
        yield invalid("spec.clusterIPs", addresses, "first value must match `clusterIP`")
    for i, family in enumerate(spec.get("ipFamilies") or ()):
        if family not in FAMILIES:
            yield not_supported(f"spec.ipFamilies[{i}]", family, FAMILIES)
    yield from check_optional_enum(spec, "spec", "ipFamilyPolicy", POLICIES)
    yield from _check_each(addresses)
    for i, (address, family) in enumerate(zip(addresses, spec.get("ipFamilies") or (), strict=False)):
        if is_address(address) and family != f"IPv{ip_address(address).version}":
            why = f"expected an {family} value as indicated by `ipFamilies[{i}]`"
            yield invalid(f"spec.clusterIPs[{i}]", address, why)


def _check_each(addresses: list[str]) -> Iterator[FieldError]:
    if HEADLESS in addresses and len(addresses) > 1:
        yield invalid("spec.clusterIPs", addresses, "'None' must be the first and only value")
    for i, address in enumerate(addresses):
        if not is_address(address) and (i or address != HEADLESS):
            yield invalid(f"spec.clusterIPs[{i}]", address, NO_ADDRESS)


def _check_balancing(spec: Obj) -> Iterator[FieldError]:
    """What a load balancer is told is for Services that have one."""
    balanced, only = spec["type"] == "LoadBalancer", "may only be used when `type` is 'LoadBalancer'"
    ranges = spec.get("loadBalancerSourceRanges") or []
    if ranges and not balanced:
        yield forbidden("spec.LoadBalancerSourceRanges", only)
    for i, text in enumerate(ranges):
        if not is_network(text):
            yield invalid(f"spec.LoadBalancerSourceRanges[{i}]", text, NO_NETWORK)
    if spec.get("allocateLoadBalancerNodePorts") is not None and not balanced:
        yield forbidden("spec.allocateLoadBalancerNodePorts", only)
    if spec.get("loadBalancerClass") is not None and not balanced:
        yield forbidden("spec.loadBalancerClass", only)
    elif balanced and spec.get("loadBalancerClass") is not None:
        yield from check_name(spec["loadBalancerClass"], "spec.loadBalancerClass", qualified_name)


def _check_fit(spec: Obj) -> Iterator[FieldError]:
    """What only makes sense together with the type, or with another field."""
    kind, affinity = spec["type"], spec.get("sessionAffinityConfig")
    if spec.get("clusterIP") == HEADLESS and kind in EXPOSED:
        yield invalid("spec.clusterIPs[0]", HEADLESS, f"may not be set to 'None' for {kind} services")
    if spec["sessionAffinity"] == "None" and affinity is not None:
        yield forbidden("spec.sessionAffinityConfig", "must not be set when session affinity is None")
    elif affinity is not None:
        seconds = affinity["clientIP"]["timeoutSeconds"]
        if not 0 < seconds <= AFFINITY_SECONDS_MAX:
            why = f"must be greater than 0 and less than {AFFINITY_SECONDS_MAX}"
            yield invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, why)
    for i, port in enumerate(spec.get("ports") or () if kind == "ClusterIP" else ()):
        if port.get("nodePort"):
            yield forbidden(f"spec.ports[{i}].nodePort", "may not be used when `type` is 'ClusterIP'")
    if spec.get("externalTrafficPolicy") and kind not in EXPOSED:
        why = "may only be set for externally-accessible services"
        yield invalid("spec.externalTrafficPolicy", spec["externalTrafficPolicy"], why)
    elif kind in EXPOSED:
        yield from check_enum(spec, "spec", "externalTrafficPolicy", ("Cluster", "Local"))
    yield from _check_balancing(spec)
    yield from check_optional_enum(spec, "spec", "internalTrafficPolicy", ("Cluster", "Local"))


def _shown(number: tuple[str, int]) -> Obj:
    """A port by what makes it one of its kind, as Go writes it out."""
    protocol, port = number
    return {"Name": "", "Protocol": protocol, "AppProtocol": None, "Port": port, "TargetPort": 0, "NodePort": 0}


def _check_ports(ports: list[Obj]) -> Iterator[FieldError]:
    names: set[str] = set()
    numbers: set[tuple[str, int]] = set()
    for i, port in enumerate(ports):
        path, name = f"spec.ports[{i}]", port.get("name", "")
        if not name and len(ports) > 1:
            yield required(f"{path}.name")
        if name:
            yield from check_name(name, f"{path}.name", label)
            if name in names:
                yield duplicate(f"{path}.name", name)
            names.add(name)
        yield from check_range(port.get("port", 0), f"{path}.port", 1, 65535)
        yield from check_port(port.get("targetPort") or 0, f"{path}.targetPort")
        if port.get("appProtocol") is not None:
            yield from check_name(port["appProtocol"], f"{path}.appProtocol", qualified_name)
        yield from check_enum(port, path, "protocol", PROTOCOLS)
        number = (port.get("protocol", ""), port.get("port", 0))
        if number in numbers:
            yield duplicate(path, _shown(number))
        numbers.add(number)


def initial_status(_service: Obj) -> Obj:
    return {"loadBalancer": {}}


def unsupported(service: Obj) -> Iterator[NotImplementedHere]:
    spec = service["spec"]
    if spec.get("externalIPs"):
        yield refusal("spec.externalIPs", "there is no network outside")
    if spec.get("trafficDistribution"):
        yield refusal("spec.trafficDistribution", "every endpoint has the same chance")
    if spec.get("healthCheckNodePort"):
        yield refusal("spec.healthCheckNodePort", "no load balancer asks nodes for their health")
    if any(port.get("protocol") == "SCTP" for port in spec.get("ports") or ()):
        yield refusal("spec.ports[*].protocol: SCTP", "protocols are TCP and UDP")


def selectable(service: Obj) -> dict[str, str]:
    spec = service.get("spec", {})
    return {"spec.clusterIP": spec.get("clusterIP", ""), "spec.type": spec.get("type", "")}


RESOURCE = Resource(
    plural="services",
    kind="Service",
    short_names=("svc",),
    categories=("all",),
    subresources=("proxy", "status"),
    name_rule=label,
    table=SERVICES,
    fill=fill,
    rules=rules,
    on_update=keep_allocated,
    initial_status=initial_status,
    fields=selectable,
    unsupported=unsupported,
)
