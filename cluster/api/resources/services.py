"""Services. Their addresses are given out by `addresses.allocate`, which the verbs call with what is in use."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, duplicate, invalid, required
from cluster.api.metadata import check_labels, label
from cluster.api.resource import Resource
from cluster.api.resources.addresses import HEADLESS, needs_cluster_ip, needs_node_ports
from cluster.api.resources.checks import PROTOCOLS, check_enum, check_name, check_port, check_range
from cluster.api.resources.unsupported import refusal
from cluster.api.tables.services import SERVICES
from cluster.client import NotImplementedHere, Obj

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
AFFINITY_SECONDS = 10800


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
    if spec["type"] == "ExternalName" and not spec.get("externalName"):
        yield required("spec.externalName")
    yield from _check_ports(ports)
    yield from check_enum(spec, "spec", "sessionAffinity", ("ClientIP", "None"))
    yield from check_enum(spec, "spec", "type", TYPES)
    before = old["spec"].get("clusterIP") if old is not None and needs_cluster_ip(old) else None
    if before and needs_cluster_ip(service) and spec.get("clusterIP") != before:
        yield invalid("spec.clusterIPs[0]", [spec.get("clusterIP")], "may not change once set")


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
            shown = {"Name": "", "Protocol": number[0], "AppProtocol": None, "Port": number[1]}
            yield duplicate(path, {**shown, "TargetPort": 0, "NodePort": 0})
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
