"""Services. Their addresses are given out by `addresses.allocate`, which the verbs call with what is in use."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, duplicate, forbidden, invalid, not_one_of, required
from cluster.api.metadata import check_labels, label, qualified_name, subdomain
from cluster.api.resource import Resource
from cluster.api.resources.address_rules import check_addresses, check_addresses_kept, is_headless
from cluster.api.resources.addresses import HEADLESS, needs_node_ports
from cluster.api.resources.checks import PROTOCOLS, check_enum, check_name, check_optional_enum, check_port, check_range
from cluster.api.resources.ip_rules import check_cidr, check_ip, check_reach, cidr_warnings, ip_warnings
from cluster.api.resources.unsupported import refusal
from cluster.api.tables.services import SERVICES
from cluster.client import NotImplementedHere, Obj
from cluster.objects import annotations_of

_OF_ADDRESSES = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy")
TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
EXPOSED = ("LoadBalancer", "NodePort")
_HINTS, _MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_BALANCED = "may only be used when `type` is 'LoadBalancer'"
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
AFFINITY_SECONDS = 10800
AFFINITY_SECONDS_MAX = 86400


def fill(service: Obj) -> None:
    spec = service.setdefault("spec", {})
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("type", "ClusterIP")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    if spec["sessionAffinity"] == "ClientIP":
        client_ip = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": AFFINITY_SECONDS} | client_ip}
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
    given = {port.get("name", ""): port.get("nodePort") for port in before.get("ports") or ()}
    mentioned = {port.get("nodePort") for port in spec.get("ports") or ()}
    for port in spec.get("ports") or ():
        kept = given.get(port.get("name", ""))
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


def rules(service: Obj, old: Obj | None) -> Iterator[FieldError]:
    spec = service["spec"]
    if old is not None:
        yield from check_addresses_kept(spec, old["spec"])
        yield from _check_class_kept(spec, old["spec"])
    yield from _check_modes(annotations_of(service))
    if not spec.get("ports") and spec["type"] != "ExternalName" and not is_headless(spec):
        yield required("spec.ports")
    yield from _check_type(spec)
    yield from _check_ports(spec.get("ports") or [])
    yield from check_labels(spec.get("selector"), "spec.selector")
    yield from _check_affinity(spec)
    yield from check_addresses(spec, [] if old is None else old["spec"].get("clusterIPs") or [])
    for i, address in enumerate(spec.get("externalIPs") or ()):
        yield from _check_external(address, f"spec.externalIPs[{i}]")
    yield from check_enum(spec, "spec", "type", TYPES)
    yield from _check_numbers(spec)
    yield from _check_balancing(spec, annotations_of(service))
    yield from _check_traffic(spec)


def _check_modes(annotations: Obj) -> Iterator[FieldError]:
    hints, mode = annotations.get(_HINTS), annotations.get(_MODE)
    if None not in (hints, mode) and hints != mode:
        yield invalid(
            f"metadata.annotations[{_MODE}]", mode, f"must match annotations[{_HINTS}] when both are specified"
        )


def _check_class_kept(spec: Obj, old: Obj) -> Iterator[FieldError]:
    if spec["type"] == old["type"] == "LoadBalancer" and spec.get("loadBalancerClass") != old.get("loadBalancerClass"):
        yield invalid("spec.loadBalancerClass", spec.get("loadBalancerClass"), "may not change once set")
    yield from _check_class(spec)


def _check_class(spec: Obj) -> Iterator[FieldError]:
    name, path = spec.get("loadBalancerClass"), "spec.loadBalancerClass"
    if name is not None and spec["type"] == "LoadBalancer":
        yield from check_name(name, path, qualified_name)
    elif name is not None:
        yield forbidden(path, _BALANCED)


def _check_type(spec: Obj) -> Iterator[FieldError]:
    if spec["type"] in EXPOSED and is_headless(spec):
        yield invalid("spec.clusterIPs[0]", HEADLESS, f"may not be set to 'None' for {spec['type']} services")
    if spec["type"] != "ExternalName":
        return
    for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(name):
            yield forbidden(f"spec.{name}", "may not be set for ExternalName services")
    if name := (spec.get("externalName") or "").removesuffix("."):
        yield from check_name(name, "spec.externalName", subdomain)
    else:
        yield required("spec.externalName")


def _check_affinity(spec: Obj) -> Iterator[FieldError]:
    yield from check_enum(spec, "spec", "sessionAffinity", ("ClientIP", "None"))
    if spec["sessionAffinity"] == "ClientIP":
        seconds = spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"]
        if not 0 < seconds <= AFFINITY_SECONDS_MAX:
            why = f"must be greater than 0 and less than {AFFINITY_SECONDS_MAX}"
            yield invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, why)


def _check_external(address: str, path: str) -> Iterator[FieldError]:
    yield from (wrong := list(check_ip(address, path)))
    yield from () if wrong else check_reach(address, path)


def _check_numbers(spec: Obj) -> Iterator[FieldError]:
    """The ports of nodes, and which ports are the same twice."""
    ports = [(f"spec.ports[{i}]", port) for i, port in enumerate(spec.get("ports") or ())]
    for path, port in ports:
        if port.get("nodePort") and spec["type"] == "ClusterIP":
            yield forbidden(f"{path}.nodePort", "may not be used when `type` is 'ClusterIP'")
    taken: set[tuple[str, int]] = set()
    for path, port in ports:
        number = (port.get("protocol", ""), port.get("nodePort", 0))
        if number[1] and number in taken:
            yield duplicate(f"{path}.nodePort", number[1])
        taken.add(number)
    taken = set()
    for path, port in ports:
        number = (port.get("protocol", ""), port.get("port", 0))
        if number in taken:
            yield duplicate(path, _shown(number))
        taken.add(number)


def _check_balancing(spec: Obj, annotations: Obj) -> Iterator[FieldError]:
    """What a load balancer is told is for Services that have one."""
    balanced, ranges, noted = (
        spec["type"] == "LoadBalancer",
        spec.get("loadBalancerSourceRanges"),
        _RANGES in annotations,
    )
    path = "spec.LoadBalancerSourceRanges" if ranges else f"metadata.annotations[{_RANGES}]"
    if (ranges or noted) and not balanced:
        yield forbidden(path, _BALANCED)
    for i, text in enumerate(ranges or ()):
        yield from check_cidr(text.strip(), f"{path}[{i}]")
    if noted and not ranges and annotations[_RANGES].strip():
        for text in annotations[_RANGES].split(","):
            yield from check_cidr(text.strip(), path)
    if spec.get("allocateLoadBalancerNodePorts") is not None and not balanced:
        yield forbidden("spec.allocateLoadBalancerNodePorts", _BALANCED)
    yield from _check_class(spec)


def _check_traffic(spec: Obj) -> Iterator[FieldError]:
    kind, policy = spec["type"], spec.get("externalTrafficPolicy")
    # An address outside makes it reachable from there, too.
    reachable = kind in EXPOSED or (kind == "ClusterIP" and bool(spec.get("externalIPs")))
    if policy and not reachable:
        yield invalid("spec.externalTrafficPolicy", policy, "may only be set for externally-accessible services")
    elif reachable:
        yield from check_enum(spec, "spec", "externalTrafficPolicy", ("Cluster", "Local"))
    if spec.get("healthCheckNodePort") and (kind, policy) != ("LoadBalancer", "Local"):
        why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        yield invalid("spec.healthCheckNodePort", spec["healthCheckNodePort"], why)
    yield from check_optional_enum(spec, "spec", "internalTrafficPolicy", ("Cluster", "Local"))
    spread = spec.get("trafficDistribution")
    if spread is not None and spread not in _DISTRIBUTIONS:
        yield not_one_of("spec.trafficDistribution", spread, _DISTRIBUTIONS)


def _shown(number: tuple[str, int]) -> Obj:
    """A port by what makes it one of its kind, as Go writes it out."""
    protocol, port = number
    return {"Name": "", "Protocol": protocol, "AppProtocol": None, "Port": port, "TargetPort": 0, "NodePort": 0}


def _check_ports(ports: list[Obj]) -> Iterator[FieldError]:
    names: set[str] = set()
    for i, port in enumerate(ports):
        path, name = f"spec.ports[{i}]", port.get("name", "")
        if not name and len(ports) > 1:
            yield required(f"{path}.name")
        elif name:
            yield from check_name(name, f"{path}.name", label)
        if name and name in names:
            yield duplicate(f"{path}.name", name)
        names.add(name)
        yield from check_range(port.get("port", 0), f"{path}.port", 1, 65535)
        yield from check_enum(port, path, "protocol", PROTOCOLS)
        yield from check_port(port.get("targetPort") or 0, f"{path}.targetPort")
        if port.get("appProtocol") is not None:
            yield from check_name(port["appProtocol"], f"{path}.appProtocol", qualified_name)


def warnings(service: Obj, _old: Obj | None) -> Iterator[str]:
    spec, is_external = service["spec"], service["spec"]["type"] == "ExternalName"
    if _HINTS in annotations_of(service):
        yield f"annotation {_HINTS} is deprecated, please use {_MODE} instead"
    if spec.get("clusterIP") not in (None, "", HEADLESS):
        for i, address in enumerate(spec.get("clusterIPs") or ()):
            yield from ip_warnings(address, f"spec.clusterIPs[{i}]")
    if spec["type"] == "ClusterIP" and spec.get("clusterIP") == HEADLESS:
        if spec.get("loadBalancerIP"):
            yield "spec.loadBalancerIP is ignored for headless services"
        if spec["sessionAffinity"] != "None":
            yield "spec.SessionAffinity is ignored for headless services"
    if spec.get("loadBalancerIP"):
        yield from ip_warnings(spec["loadBalancerIP"], "spec.loadBalancerIP")
    for i, text in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        yield from cidr_warnings(text, f"spec.loadBalancerSourceRanges[{i}]")
    if spec.get("externalName") and not is_external:
        yield 'spec.externalName is ignored when spec.type is not "ExternalName"'


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
    warnings=warnings,
)
