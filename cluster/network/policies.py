"""NetworkPolicies as packet filter rules of each node, purely; semantics: KEP-2079 (port ranges), the API reference.

A pod that some policy selects for a direction is isolated in it: only what some rule of such a policy allows may pass.
Rules are judged on the addresses of pods, after Services have been translated, in the namespace of the pod's own node:
egress where the packet starts, ingress where it ends. What the node itself sends to its pods (probes) is never judged,
and neither is the rest of a flow once its first packet has passed.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2s
from ipaddress import ip_network
from typing import Any, Literal

from cluster.client import Obj
from cluster.config import API_ADDRESS, DNS_ADDRESS, INGRESS_ADDRESS
from cluster.ingress import NAMESPACE as INGRESS_NAMESPACE
from cluster.network import facts
from cluster.network.facts import Labels, Pod
from cluster.network.ruleset import EMPTY, Ruleset, merged
from cluster.selectors import matches_selector

TABLE = "ip seawall-policies"

# The API server's own requests (pods/proxy) come from the control plane's host, which policies do not judge here: a
# plugin that polices hosts too would need a rule for it in every namespace.
FRAME = f"""
 map egress {{ type ipv4_addr : verdict; }}
 map ingress {{ type ipv4_addr : verdict; }}
 set self {{ type ipv4_addr . ipv4_addr; }}
 chain forward {{
  type filter hook forward priority 10;
  ct state established,related accept
  ip saddr {API_ADDRESS} accept
  ip saddr . ip daddr @self accept
  ip saddr vmap @egress
  ip daddr vmap @ingress
 }}
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

# And so is its ingress, that policies let in by where it is elsewhere.
INGRESS = Pod(
    uid="ingress",
    namespace=INGRESS_NAMESPACE,
    labels=(("app.kubernetes.io/component", "controller"), ("app.kubernetes.io/name", "ingress-nginx")),
    address=INGRESS_ADDRESS,
    node="",
    ports=(("http", "tcp", 80), ("https", "tcp", 443)),
)
_INGRESS_HOME: Mapping[str, Labels] = {INGRESS_NAMESPACE: (("kubernetes.io/metadata.name", INGRESS_NAMESPACE),)}

Direction = Literal["Ingress", "Egress"]
ANY: Mapping[str, Any] = {}
"""Stands for "no restriction", told apart by identity."""

EVERYONE: Mapping[str, Any] = {"namespaceSelector": {}}

DIRECTIONS: tuple[Direction, Direction] = ("Ingress", "Egress")


@dataclass(frozen=True, slots=True)
class Policy:
    namespace: str
    spec: Mapping[str, Any]


Kin = tuple[str, Labels]
"""Namespace and labels: what selectors see of a pod. Replicas are all of one kin, so work is done by kin."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything that selectors choose from: pods with an address, and the labels of namespaces."""

    pods: Mapping[Kin, tuple[Pod, ...]]
    namespaces: Mapping[str, Labels]

    def select(self, namespace: str, peer: Mapping[str, Any]) -> list[Pod]:
        """The pods that a peer of a policy means: of the policy's namespace unless it selects namespaces itself."""
        return [pod for kin, pods in self.pods.items() if self._means(namespace, peer, kin) for pod in pods]

    def _means(self, namespace: str, peer: Mapping[str, Any], kin: Kin) -> bool:
        home, labels = kin
        if not matches_selector(peer.get("podSelector") or {}, dict(labels)):
            return False
        if peer.get("namespaceSelector") is None:
            return home == namespace
        return matches_selector(peer["namespaceSelector"], dict(self.namespaces.get(home, ())))


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
    if not policies:
        return dict.fromkeys(nodes, EMPTY)
    present = [pod for pod in pods if pod.address]
    judge = _judge(policies, World(_by_kin([*present, DNS, INGRESS]), {**_INGRESS_HOME, **namespaces}))
    return {node: _node([pod for pod in present if pod.node == node], judge) for node in nodes}


Chain = tuple[str, Ruleset]
"""Its name, and all it needs. Equal rules have equal names, so that pods share chains."""

Judge = Callable[[Kin, tuple[facts.NamedPort, ...], Direction], Chain | None]


def _judge(policies: tuple[Policy, ...], world: World) -> Judge:
    """Who judges the packets of pods of a kin in a direction: None where no policy selects them."""

    @cache
    def chain(kin: Kin, ports: tuple[facts.NamedPort, ...], direction: Direction) -> Chain | None:
        selecting = [policy for policy in policies if _selects(policy, kin, direction)]
        allowed = [one for policy in selecting for one in _allowances(policy, direction, ports, world)]
        return _chain(direction, allowed) if selecting else None

    return chain


def _chain(direction: Direction, allowed: list[Allowance]) -> Chain:
    rules = (*dict.fromkeys(f"{match} return".strip() for match, _ in allowed), "drop")
    name = f"{direction.lower()}/{_digest(*rules)}"
    return name, merged([Ruleset(chains={name: rules}), *(needed for _, needed in allowed)])


def _node(pods: list[Pod], judge: Judge) -> Ruleset:
    needed: dict[str, Ruleset] = {}
    elements: dict[str, dict[str, str]] = {"egress": {}, "ingress": {}, "self": {}}
    for pod in pods:
        for direction in DIRECTIONS:
            if chain := judge((pod.namespace, pod.labels), pod.ports, direction):
                name, needed[name] = chain
                elements[direction.lower()][pod.address] = f"jump {name}"
                elements["self"][f"{pod.address} . {pod.address}"] = ""
    return merged([Ruleset(elements=elements), *needed.values()])


def _by_kin(pods: Iterable[Pod]) -> dict[Kin, tuple[Pod, ...]]:
    found: dict[Kin, list[Pod]] = {}
    for pod in pods:
        found.setdefault((pod.namespace, pod.labels), []).append(pod)
    return {kin: tuple(those) for kin, those in found.items()}


def _selects(policy: Policy, kin: Kin, direction: Direction) -> bool:
    namespace, labels = kin
    if policy.namespace != namespace or direction not in types(policy.spec):
        return False
    return matches_selector(policy.spec.get("podSelector") or {}, dict(labels))


def _allowances(
    policy: Policy, direction: Direction, own: tuple[facts.NamedPort, ...], world: World
) -> Iterator[Allowance]:
    peers, side = ("from", "ip saddr") if direction == "Ingress" else ("to", "ip daddr")
    for rule in policy.spec.get(direction.lower()) or ():
        for port in rule.get("ports") or (ANY,):
            for peer in filter(_within_reach, rule.get(peers) or (ANY,)):
                if not isinstance(port.get("port"), str):
                    who, needed = _who(peer, policy.namespace, side, world)
                    yield f"{who} {_what(port)}", needed
                elif direction == "Ingress":
                    who, needed = _who(peer, policy.namespace, side, world)
                    yield from ((f"{who} {_what(number)}", needed) for number in _numbers(own, port))
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
    if "ipBlock" in peer:
        return
    by_number: dict[int, list[Pod]] = {}
    for pod in world.select(namespace, EVERYONE if peer is ANY else peer):
        for number in _numbers(pod.ports, port):
            by_number.setdefault(number["port"], []).append(pod)
    for found, those in by_number.items():
        who, needed = _one_of(those, "ip daddr", namespace, peer, port["port"], found)
        yield f"{who} {_what({**port, 'port': found})}", needed


def _numbers(ports: tuple[facts.NamedPort, ...], port: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A port that is given by name, by the number or numbers that it has among a pod's."""
    wanted = port["port"], port.get("protocol", "TCP").lower()
    return [{**port, "port": number} for name, protocol, number in ports if (name, protocol) == wanted]


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
