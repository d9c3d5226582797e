"""NetworkPolicies."""

import ipaddress
from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, not_one_of, required
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import PROTOCOLS, check_port, check_range, check_selector
from cluster.api.tables.policy import NETWORK_POLICIES
from cluster.client import Obj

NO_NETWORK = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
TYPES = ("Ingress", "Egress")


def fill(policy: Obj) -> None:
    spec = policy.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for rule in [*(spec.get("ingress") or ()), *(spec.get("egress") or ())]:
        for port in rule.get("ports") or ():
            port.setdefault("protocol", "TCP")


def rules(policy: Obj, _old: Obj | None) -> Iterator[FieldError]:
    spec = policy["spec"]
    yield from check_selector(spec.get("podSelector"), "spec.podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for i, rule in enumerate(spec.get(direction) or ()):
            path = f"spec.{direction}[{i}]"
            for j, port in enumerate(rule.get("ports") or ()):
                yield from _check_port(port, f"{path}.ports[{j}]")
            for j, peer in enumerate(rule.get(peers) or ()):
                yield from _check_peer(peer, f"{path}.{peers}[{j}]")
    if len(spec["policyTypes"]) > len(TYPES):
        yield invalid("spec.policyTypes", spec["policyTypes"], "may not specify more than two policyTypes")
        return
    for i, type in enumerate(spec["policyTypes"]):
        if type not in TYPES:
            yield not_one_of(f"spec.policyTypes[{i}]", type, TYPES)


def _check_port(port: Obj, path: str) -> Iterator[FieldError]:
    if port["protocol"] not in PROTOCOLS:
        yield not_one_of(f"{path}.protocol", port["protocol"], ("TCP", "UDP", "SCTP"))
    number, end = port.get("port"), port.get("endPort")
    if number is not None:
        yield from check_port(number, f"{path}.port")
    yield from check_range(end, f"{path}.endPort", 1, 65535)
    if end is not None and number is None:
        yield invalid(f"{path}.endPort", end, "may not be specified when `port` is not specified")
    elif end is not None and isinstance(number, str):
        yield invalid(f"{path}.endPort", end, "may not be specified when `port` is non-numeric")
    elif end is not None and number is not None and end < number:
        yield invalid(f"{path}.endPort", number, "must be greater than or equal to `port`")


def _check_peer(peer: Obj, path: str) -> Iterator[FieldError]:
    if not peer:
        yield required(path, "must specify a peer")
    if peer.get("ipBlock") is not None:
        yield from _check_block(peer["ipBlock"], f"{path}.ipBlock")
        if set(peer) - {"ipBlock"}:
            yield forbidden(path, "may not specify both ipBlock and another peer")
    for name in ("podSelector", "namespaceSelector"):
        yield from check_selector(peer.get(name), f"{path}.{name}")


def _check_block(block: Obj, path: str) -> Iterator[FieldError]:
    network = _network(block.get("cidr", ""))
    if network is None:
        yield invalid(f"{path}.cidr", block.get("cidr", ""), NO_NETWORK)
        return
    if str(network) != block["cidr"]:
        yield invalid(f"{path}.cidr", block["cidr"], "must not have bits set beyond the prefix length")
    for i, text in enumerate(block.get("except") or ()):
        inner = _network(text)
        if inner is None:
            yield invalid(f"{path}.except[{i}]", text, NO_NETWORK)
        elif not _is_inside(inner, network):
            yield invalid(f"{path}.except[{i}]", text, "must be a strict subset of `cidr`")


def _is_inside(inner: Network, outer: Network) -> bool:
    """Whether it is a part of the other, and not all of it."""
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(outer, ipaddress.IPv4Network):
        return inner.subnet_of(outer) and inner != outer
    if isinstance(inner, ipaddress.IPv6Network) and isinstance(outer, ipaddress.IPv6Network):
        return inner.subnet_of(outer) and inner != outer
    return False


def is_network(text: str) -> bool:
    return _network(text) is not None


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


RESOURCE = Resource(
    group="networking.k8s.io",
    plural="networkpolicies",
    kind="NetworkPolicy",
    short_names=("netpol",),
    table=NETWORK_POLICIES,
    desired=spec_of,
    fill=fill,
    rules=rules,
)
