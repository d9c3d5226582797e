"""NetworkPolicies."""

from collections.abc import Collection, Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, not_one_of, required
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import PROTOCOLS, check_port, check_range, check_selector
from cluster.api.resources.ip_rules import Network, check_cidr, cidr_warnings, parse_cidr
from cluster.api.tables.policy import NETWORK_POLICIES
from cluster.client import Obj

TYPES = ("Ingress", "Egress")


def fill(policy: Obj) -> None:
    spec = policy.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for rule in [*(spec.get("ingress") or ()), *(spec.get("egress") or ())]:
        for port in rule.get("ports") or ():
            port.setdefault("protocol", "TCP")


def rules(policy: Obj, old: Obj | None) -> Iterator[FieldError]:
    spec = policy["spec"]
    known = {text for _, block in _blocks(old or {"spec": {}}) for text in _networks(block)}
    yield from check_selector(spec.get("podSelector"), "spec.podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for i, rule in enumerate(spec.get(direction) or ()):
            path = f"spec.{direction}[{i}]"
            for j, port in enumerate(rule.get("ports") or ()):
                yield from _check_port(port, f"{path}.ports[{j}]")
            for j, peer in enumerate(rule.get(peers) or ()):
                yield from _check_peer(peer, f"{path}.{peers}[{j}]", known)
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
    if end is not None and number is None:
        yield invalid(f"{path}.endPort", end, "may not be specified when `port` is not specified")
    elif end is not None and isinstance(number, str):
        yield invalid(f"{path}.endPort", end, "may not be specified when `port` is non-numeric")
    if number is not None:
        yield from check_port(number, f"{path}.port")
    if end is not None and isinstance(number, int):
        if end < number:
            yield invalid(f"{path}.endPort", number, "must be greater than or equal to `port`")
        yield from check_range(end, f"{path}.endPort", 1, 65535)


def _check_peer(peer: Obj, path: str, known: Collection[str]) -> Iterator[FieldError]:
    given = [name for name in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(name) is not None]
    for name in ("podSelector", "namespaceSelector"):
        yield from check_selector(peer.get(name), f"{path}.{name}")
    if "ipBlock" in given:
        yield from _check_block(peer["ipBlock"], f"{path}.ipBlock", known)
    if not given:
        yield required(path, "must specify a peer")
    elif len(given) > 1 and "ipBlock" in given:
        yield forbidden(path, "may not specify both ipBlock and another peer")


def _check_block(block: Obj, path: str, known: Collection[str]) -> Iterator[FieldError]:
    """`known`: the networks that the policy had before."""
    if not block.get("cidr"):
        yield required(f"{path}.cidr")
        return
    yield from check_cidr(block["cidr"], f"{path}.cidr", known)
    whole = parse_cidr(block["cidr"])
    for i, text in enumerate(block.get("except") or () if whole else ()):
        yield from check_cidr(text, f"{path}.except[{i}]", known)
        inner = parse_cidr(text)
        if inner and whole and not _is_inside(inner[1], whole[1]):
            yield invalid(f"{path}.except[{i}]", text, "must be a strict subset of `cidr`")


def _is_inside(inner: Network, outer: Network) -> bool:
    """Whether it is a part of the other, and not all of it."""
    return inner.network_address in outer and outer.prefixlen < inner.prefixlen


def _blocks(policy: Obj) -> Iterator[tuple[str, Obj]]:
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for i, rule in enumerate(policy["spec"].get(direction) or ()):
            for j, peer in enumerate(rule.get(peers) or ()):
                if peer.get("ipBlock") is not None:
                    yield f"spec.{direction}[{i}].{peers}[{j}].ipBlock", peer["ipBlock"]


def _networks(block: Obj) -> list[str]:
    return [block.get("cidr", ""), *(block.get("except") or ())]


def warnings(policy: Obj, _old: Obj | None) -> Iterator[str]:
    for path, block in _blocks(policy):
        yield from cidr_warnings(block.get("cidr", ""), f"{path}.cidr")
        for i, text in enumerate(block.get("except") or ()):
            yield from cidr_warnings(text, f"{path}.except[{i}]")


RESOURCE = Resource(
    group="networking.k8s.io",
    plural="networkpolicies",
    kind="NetworkPolicy",
    short_names=("netpol",),
    table=NETWORK_POLICIES,
    desired=spec_of,
    fill=fill,
    rules=rules,
    warnings=warnings,
)
