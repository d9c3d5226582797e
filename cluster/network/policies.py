"""NetworkPolicies as packet filter rules of each node, purely; semantics: KEP-2079 (port ranges), the API reference.

A pod that some policy selects for a direction is isolated in it: only what some rule of such a policy allows may pass.
Rules are judged on the addresses of pods, after Services have been translated, in the namespace of the pod's own node:
egress where the packet starts, ingress where it ends. What the node itself sends to its pods (probes) is never judged,
and neither is the rest of a flow once its first packet has passed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2s
from ipaddress import ip_network
from typing import Any, Literal

from cluster.client import Obj
from cluster.config import DNS_ADDRESS
from cluster.network.facts import Labels, Pod
from cluster.network.ruleset import EMPTY, Ruleset, merged
from cluster.selectors import matches_selector

TABLE = "ip seawall-policies"

FRAME = """
 map egress { type ipv4_addr : verdict; }
 map ingress { type ipv4_addr : verdict; }
 set self { type ipv4_addr . ipv4_addr; }
 chain forward {
  type filter hook forward priority 10;
  ct state established,related accept
  ip saddr . ip daddr @self accept
  ip saddr vmap @egress
  ip daddr vmap @ingress
 }
"""

# The cluster's DNS is no pod here, but policies that allow lookups name it as the pod it is elsewhere.
DNS = Pod(
    uid="dns",
    namespace="kube-system",
    labels=(("k8s-app", "kube-dns"),),
    address=DNS_ADDRESS,
    node="",
    ports=(("dns", "udp", 53), ("dns-tcp", "tcp", 53)),
)

Direction = Literal["Ingress", "Egress"]
ANY: Mapping[str, Any] = {}
"""Stands for "no restriction", told apart by identity."""

DIRECTIONS: tuple[Direction, Direction] = ("Ingress", "Egress")


@dataclass(frozen=True, slots=True)
class Policy:
    namespace: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class World:
    """Everything that selectors choose from: pods with an address, and the labels of namespaces."""

    pods: tuple[Pod, ...]
    namespaces: Mapping[str, Labels]
    _chosen: dict[tuple[str, int], tuple[Pod, ...]] = field(default_factory=dict)

    def select(self, namespace: str, peer: Mapping[str, Any]) -> tuple[Pod, ...]:
        """The pods that a peer of a policy means: of the policy's namespace unless it selects namespaces itself."""
        key = namespace, id(peer)
        if key not in self._chosen:
            self._chosen[key] = tuple(self._select(namespace, peer))
        return self._chosen[key]

    def _select(self, namespace: str, peer: Mapping[str, Any]) -> Iterator[Pod]:
        homes, wanted = peer.get("namespaceSelector"), peer.get("podSelector") or {}
        for pod in self.pods:
            if homes is None:
                at_home = pod.namespace == namespace
            else:
                at_home = matches_selector(homes, dict(self.namespaces.get(pod.namespace, ())))
            if at_home and matches_selector(wanted, dict(pod.labels)):
                yield pod


Allowance = tuple[str, Ruleset]
"""A match that lets packets through, and the set it refers to."""


def policy(obj: Obj) -> Policy:
    return Policy(obj["metadata"]["namespace"], obj.get("spec") or {})


def types(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """policyTypes, defaulted: always Ingress, and Egress if there are rules for it."""
    return tuple(spec.get("policyTypes") or (DIRECTIONS if spec.get("egress") else ("Ingress",)))


def contents(
    policies: Iterable[Policy], pods: Iterable[Pod], namespaces: Mapping[str, Labels], nodes: Iterable[str]
) -> dict[str, Ruleset]:
    """The rules of each node. Pods without an address are as if they were not there."""
    policies = tuple(policies)
    present = tuple(pod for pod in pods if pod.address) if policies else ()
    world = World((*present, DNS), namespaces)
    parts: dict[str, list[Ruleset]] = {node: [] for node in nodes}
    for pod in present:
        if pod.node in parts:
            parts[pod.node].extend(_isolation(pod, direction, policies, world) for direction in DIRECTIONS)
    return {node: merged(rules) for node, rules in parts.items()}


def _isolation(pod: Pod, direction: Direction, policies: tuple[Policy, ...], world: World) -> Ruleset:
    """The chain that judges a pod's packets of a direction; none if no policy selects it. Equal chains are one."""
    selecting = [policy for policy in policies if _selects(policy, pod, direction)]
    if not selecting:
        return EMPTY
    allowed = [allowance for policy in selecting for allowance in _allowances(policy, direction, pod, world)]
    rules = (*dict.fromkeys(f"{match} return".strip() for match, _ in allowed), "drop")
    chain = f"{direction.lower()}/{_digest(*rules)}"
    elements = {direction.lower(): {pod.address: f"jump {chain}"}, "self": {f"{pod.address} . {pod.address}": ""}}
    return merged([Ruleset(chains={chain: rules}, elements=elements), *(needed for _, needed in allowed)])


def _selects(policy: Policy, pod: Pod, direction: Direction) -> bool:
    if policy.namespace != pod.namespace or direction not in types(policy.spec):
        return False
    return matches_selector(policy.spec.get("podSelector") or {}, dict(pod.labels))


def _allowances(policy: Policy, direction: Direction, pod: Pod, world: World) -> Iterator[Allowance]:
    peers, side = ("from", "ip saddr") if direction == "Ingress" else ("to", "ip daddr")
    for rule in policy.spec.get(direction.lower()) or ():
        for port in rule.get("ports") or (ANY,):
            for peer in filter(_within_reach, rule.get(peers) or (ANY,)):
                if not isinstance(port.get("port"), str):
                    who, needed = _who(peer, policy.namespace, side, world)
                    yield f"{who} {_what(port)}", needed
                elif direction == "Ingress":
                    who, needed = _who(peer, policy.namespace, side, world)
                    yield from ((f"{who} {_what(number)}", needed) for number in _numbers(pod, port))
                else:
                    yield from _named_egress(peer, port, policy.namespace, world)


def _who(peer: Mapping[str, Any], namespace: str, side: str, world: World) -> Allowance:
    if peer is ANY:
        return "", EMPTY
    if "ipBlock" in peer:
        return _block(peer["ipBlock"], side), EMPTY
    return _one_of(world.select(namespace, peer), side, namespace, peer)


def _what(port: Mapping[str, Any]) -> str:
    if port is ANY:
        return ""
    protocol = port.get("protocol", "TCP").lower()
    if port.get("port") is None:
        return f"meta l4proto {protocol}"
    return f"{protocol} dport {port['port']}" + (f"-{port['endPort']}" if port.get("endPort") else "")


def _named_egress(
    peer: Mapping[str, Any], port: Mapping[str, Any], namespace: str, world: World
) -> Iterator[Allowance]:
    """A name means what each destination calls so: one rule for each number, to the pods where it is that one.

    Addresses outside the cluster have no names for their ports, so a block allows none.
    """
    pods = world.pods if peer is ANY else () if "ipBlock" in peer else world.select(namespace, peer)
    by_number: dict[int, list[Pod]] = {}
    for pod in pods:
        for number in _numbers(pod, port):
            by_number.setdefault(number["port"], []).append(pod)
    for found, those in by_number.items():
        who, needed = _one_of(those, "ip daddr", namespace, peer, port["port"], found)
        yield f"{who} {_what({**port, 'port': found})}", needed


def _numbers(pod: Pod, port: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A port given by name, by the number that it has in a pod: none, one, or one for each protocol asked."""
    wanted = port["port"], port.get("protocol", "TCP").lower()
    return [{**port, "port": number} for name, protocol, number in pod.ports if (name, protocol) == wanted]


def _one_of(pods: Iterable[Pod], side: str, *identity: object) -> Allowance:
    """The set is named after what it means, so that pods that come and go change its elements and no rule."""
    name = f"peers/{_digest(*identity)}"
    addresses = {pod.address: "" for pod in pods}
    return f"{side} @{name}", Ruleset(sets={name: "type ipv4_addr;"}, elements={name: addresses})


def _block(block: Mapping[str, Any], side: str) -> str:
    excluded = (f"{side} != {ip_network(one, strict=False)}" for one in block.get("except") or ())
    return " ".join((f"{side} {ip_network(block['cidr'], strict=False)}", *excluded))


def _within_reach(peer: Mapping[str, Any]) -> bool:
    """Nobody here has an IPv6 address, so a block of those allows nothing."""
    return "ipBlock" not in peer or ip_network(peer["ipBlock"]["cidr"], strict=False).version == 4


def _digest(*identity: object) -> str:
    return blake2s(json.dumps(identity, sort_keys=True).encode(), digest_size=8).hexdigest()
