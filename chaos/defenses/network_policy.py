"""Whom pods may talk to, a part of `security`: denied by default, and DNS not forgotten.

That a NetworkPolicy exists proves nothing about packets: configured here is not held.
"""

from collections.abc import Iterator
from typing import Any

from chaos.defenses.kind import Check, Rule
from chaos.manifests import (
    Manifest,
    Manifests,
    Obj,
    Selecting,
    by_selector,
    items,
    made,
    mapping,
    numbered,
    of_kind,
    put,
    remembered,
    selecting,
    words,
    workloads,
)
from chaos.marked import dig

DENY_ALL, ALLOW_DNS, ALLOW_OWN = "default-deny", "allow-dns", "allow-same-namespace"

NOT_ISOLATED: dict[str, Rule] = {
    "Ingress": Rule(
        "ingress-open",
        "Pods are open to every other pod of the cluster until a NetworkPolicy selects them.",
        "Add a default deny for Ingress and allow the callers by name.",
    ),
    "Egress": Rule(
        "egress-open",
        "An intruder in the pod can reach every Service, the cloud's metadata and the internet.",
        "Add a default deny for Egress and allow DNS and the callees by name.",
    ),
}
ALLOWS_ALL = Rule(
    "network-policy-allows-all",
    "An empty rule allows everybody: the pod is selected, and as open as before.",
    "Name the peers in from: or to:.",
)
NO_DNS = Rule(
    "dns-blocked",
    "With Egress denied and port 53 not allowed, every name lookup of the pod fails.",
    "Allow Egress to port 53, UDP and TCP.",
)


def policies_of(workload: Manifest, manifests: Manifests, direction: str) -> list[Manifest]:
    """The NetworkPolicies that isolate a workload's pods in one direction."""
    found = selecting(_policies(manifests), _pod_selector, workload)
    return [policy for policy in found if direction in directions(policy.data)]


def _pod_selector(policy: Obj) -> Any:
    return dig(policy, "spec", "podSelector")


@remembered
def _policies(manifests: Manifests) -> Selecting:
    return by_selector(of_kind(manifests, "NetworkPolicy"), _pod_selector)


def directions(policy: Obj) -> set[str]:
    """What a policy isolates. Unset: Ingress always, Egress when it has egress rules."""
    spec = mapping(policy, "spec")
    return words(spec, "policyTypes") or {"Ingress", *(["Egress"] if spec.get("egress") else [])}


def checks(manifests: Manifests) -> Iterator[Check]:
    for workload in workloads(manifests):
        for direction, rule in NOT_ISOLATED.items():
            policies = policies_of(workload, manifests, direction)
            what = f"no NetworkPolicy isolates its pods for {direction}"
            yield Check(rule=rule, manifest=workload, ok=bool(policies), what=what)
            for policy in policies:
                yield from _open_rules(policy, direction)
        egress = policies_of(workload, manifests, "Egress")
        if egress and not any(_allows_dns(policy.data) for policy in egress):
            yield Check(rule=NO_DNS, manifest=workload, ok=False, what="port 53 is not among its allowed Egress")


def _open_rules(policy: Manifest, direction: str) -> Iterator[Check]:
    key, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    for i, rule in numbered(policy.data, "spec", key):
        if not rule.get(peers) and not rule.get("ports"):
            what, path = f"{key}[{i}] has neither {peers} nor ports", ("spec", key, i)
            yield Check(rule=ALLOWS_ALL, manifest=policy, ok=False, what=what, path=path, fixable=False)


def _allows_dns(policy: Obj) -> bool:
    return any(not rule.get("ports") or any(map(_is_dns, items(rule, "ports"))) for rule in _egress(policy))


def _egress(policy: Obj) -> list[Obj]:
    return items(policy, "spec", "egress")


def _is_dns(port: Obj) -> bool:
    number, last = port.get("port"), port.get("endPort")
    within = isinstance(number, int) and isinstance(last, int) and number <= 53 <= last
    return port.get("protocol", "TCP") == "UDP" and (number in (None, 53, "dns", "domain") or within)


def strip(manifests: Manifests) -> Manifests:
    return tuple(m for m in manifests if m.kind != "NetworkPolicy")


def fix(manifests: Manifests) -> Manifests:
    """Deny by default, then DNS and the workload's own namespace; callers from elsewhere are the author's to name."""
    for workload in workloads(manifests):
        open_now = [d for d in NOT_ISOLATED if not policies_of(workload, manifests, d)]
        if open_now:
            manifests = put(manifests, made(_policy(DENY_ALL, {"policyTypes": ["Ingress", "Egress"]}), workload))
            manifests = put(manifests, made(_own_namespace(), workload))
        egress = policies_of(workload, manifests, "Egress")
        if not any(_allows_dns(policy.data) for policy in egress):
            manifests = put(manifests, made(_dns(), workload))
    return manifests


def _policy(name: str, spec: Obj) -> Obj:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": {}, **spec},
    }


def _own_namespace() -> Obj:
    peer: list[Obj] = [{"podSelector": {}}]
    rules = {"ingress": [{"from": peer}], "egress": [{"to": peer}], "policyTypes": ["Ingress", "Egress"]}
    return _policy(ALLOW_OWN, rules)


def _dns() -> Obj:
    ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    return _policy(ALLOW_DNS, {"egress": [{"ports": ports}], "policyTypes": ["Egress"]})
