"""Services. Their addresses are given out by `addresses.allocate`, which the verbs call with what is in use."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, duplicate, forbidden, invalid, required
from cluster.api.metadata import check_labels, label, subdomain
from cluster.api.resource import Resource
from cluster.api.resources.addresses import HEADLESS, needs_cluster_ip, needs_node_ports
from cluster.api.resources.checks import PROTOCOLS, check_enum, check_name, check_optional_enum, check_port, check_range
from cluster.api.resources.unsupported import refusal
from cluster.api.tables.services import SERVICES
from cluster.client import NotImplementedHere, Obj

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
EXPOSED = ("LoadBalancer", "NodePort")
AFFINITY_SECONDS = 10800
AFFINITY_SECONDS_MAX = 86400


def fill(service: Obj) -> None:
    spec = service.setdefault("spec", {})
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("type", "ClusterIP")
    if spec["sessionAffinity"] == "ClientIP":
        client_ip = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        client_ip.setdefault("timeoutSeconds", AFFINITY_SECONDS)
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
    _fill_cluster_ip(spec)
    for port in spec.get("ports") or ():
        port["protocol"] = port.get("protocol") or "TCP"
        port["targetPort"] = port.get("targetPort") or port.get("port")


def _fill_cluster_ip(spec: Obj) -> None:
    if spec.get("clusterIPs") and not spec.get("clusterIP"):
        spec["clusterIP"] = spec["clusterIPs"][0]
    if spec.get("clusterIP"):
        spec.setdefault("clusterIPs", [spec["clusterIP"]])


def keep_allocated(new: Obj, old: Obj) -> None:
    """A replacement that does not mention what was given out keeps it."""
    if needs_cluster_ip(new) and needs_cluster_ip(old) and not new["spec"].get("clusterIP"):
        for name in ("clusterIP", "clusterIPs"):
            new["spec"][name] = old["spec"].get(name)
    if needs_cluster_ip(old) and not needs_cluster_ip(new):
        _let_go(new["spec"], old["spec"])
    if needs_node_ports(old) and not needs_node_ports(new):
        new["spec"].pop("externalTrafficPolicy", None)
        for port in new["spec"].get("ports") or ():
            port.pop("nodePort", None)
    if needs_node_ports(new) and needs_node_ports(old):
        given = {_number(p): p.get("nodePort") for p in old["spec"].get("ports") or ()}
        for port in new["spec"].get("ports") or ():
            kept = given.get(_number(port))
            if kept and not port.get("nodePort"):
                port["nodePort"] = kept


def _let_go(new: Obj, old: Obj) -> None:
    """An ExternalName has no address: what the Service had before goes, unless the caller changed it himself."""
    if new.get("clusterIP") == old.get("clusterIP"):
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
            new.pop(name, None)


def _number(port: Obj) -> tuple[int | None, str | None]:
    return port.get("port"), port.get("protocol")


def rules(service: Obj, old: Obj | None) -> Iterator[FieldError]:
    spec = service["spec"]
    yield from check_labels(spec.get("selector"), "spec.selector")
    ports = spec.get("ports") or []
    if not ports and spec["type"] != "ExternalName" and spec.get("clusterIP") != HEADLESS:
        yield required("spec.ports")
    if spec["type"] == "ExternalName":
        yield from _check_external_name(spec.get("externalName") or "")
    yield from _check_ports(ports)
    yield from check_enum(spec, "spec", "sessionAffinity", ("ClientIP", "None"))
    yield from check_enum(spec, "spec", "type", TYPES)
    yield from _check_fit(spec)
    before = old["spec"].get("clusterIP") if old is not None and needs_cluster_ip(old) else None
    if before and needs_cluster_ip(service) and spec.get("clusterIP") != before:
        yield invalid("spec.clusterIPs[0]", [spec.get("clusterIP")], "may not change once set")


def _check_external_name(name: str) -> Iterator[FieldError]:
    if not name:
        yield required("spec.externalName")
    else:
        yield from check_name(name.removesuffix("."), "spec.externalName", subdomain)


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
            why = f"must be greater than 0 and less than or equal to {AFFINITY_SECONDS_MAX}"
            yield invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, why)
    if spec.get("externalTrafficPolicy") and kind not in EXPOSED:
        why = "may only be set for externally-accessible services"
        yield invalid("spec.externalTrafficPolicy", spec["externalTrafficPolicy"], why)
    elif kind in EXPOSED:
        yield from check_enum(spec, "spec", "externalTrafficPolicy", ("Cluster", "Local"))
    yield from check_optional_enum(spec, "spec", "internalTrafficPolicy", ("Cluster", "Local"))
    for i, port in enumerate(spec.get("ports") or () if kind == "ClusterIP" else ()):
        if port.get("nodePort"):
            yield forbidden(f"spec.ports[{i}].nodePort", "may not be used when `type` is 'ClusterIP'")


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
    if set(spec.get("ipFamilies") or ()) - {"IPv4"} or spec.get("ipFamilyPolicy") == "RequireDualStack":
        yield refusal("spec.ipFamilies", "the network is IPv4")
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
