"""What NetworkPolicies allow, worked out by walking the rendered rules as the kernel would."""

import ipaddress
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.config import DNS_ADDRESS
from cluster.network import facts, policies
from cluster.network.facts import Pod
from cluster.network.ruleset import EMPTY, Ruleset
from tests.network.objects import pod, policy

NAMESPACES: Mapping[str, facts.Labels] = {
    "default": (("kubernetes.io/metadata.name", "default"),),
    "other": (("team", "x"),),
    "kube-system": (("kubernetes.io/metadata.name", "kube-system"),),
}


def person(name: str, host: int, *, home: str = "default", node: str = "node1") -> Pod:
    made = facts.pod(pod(name, f"198.18.1.{host}", node, namespace=home, app=name))
    assert made is not None
    return made


WEB, STORE, ROGUE, FRIEND = person("web", 2), person("store", 3), person("rogue", 4), person("friend", 5, home="other")
EVERYONE = (WEB, STORE, ROGUE, FRIEND)
TO_STORE: dict[str, Any] = {"podSelector": {"matchLabels": {"app": "store"}}}
FROM_WEB: dict[str, Any] = {"podSelector": {"matchLabels": {"app": "web"}}}


def passes(
    specs: list[dict[str, Any]], source: str, to: str, port: int = 8080, protocol: str = "tcp", home: str = "default"
) -> bool:
    """Whether the first packet of a flow passes the rules of a node that has everyone on it."""
    made = [policies.policy(policy(str(n), spec, home)) for n, spec in enumerate(specs)]
    rules = policies.contents(made, EVERYONE, NAMESPACES, ["node1"])["node1"]
    return _judged(rules, "egress", source, source, to, port, protocol) and _judged(
        rules, "ingress", to, source, to, port, protocol
    )


def _judged(rules: Ruleset, direction: str, who: str, source: str, to: str, port: int, protocol: str) -> bool:
    verdict = rules.elements.get(direction, {}).get(who)
    if verdict is None:
        return True
    for rule in rules.chains[verdict.removeprefix("jump ")]:
        *matches, outcome = rule.split()
        if _matches(rules, matches, source, to, port, protocol):
            return outcome == "return"
    raise AssertionError("a chain without an end")


def _matches(rules: Ruleset, words: list[str], source: str, to: str, port: int, protocol: str) -> bool:
    """nft's own matches, those that we write: `ip saddr [!=] X`, `meta l4proto P`, `P dport N[-M]`."""
    while words:
        first, second, *words = words
        if first == "ip":
            negated = words[0] == "!="
            value, words = words[negated], words[1 + negated :]
            if _inside(rules, source if second == "saddr" else to, value) is negated:
                return False
        elif first == "meta":
            if words.pop(0) != protocol:
                return False
        else:
            low, _, high = words.pop(0).partition("-")
            if first != protocol or not int(low) <= port <= int(high or low):
                return False
    return True


def _inside(rules: Ruleset, address: str, value: str) -> bool:
    if value.startswith("@"):
        return address in rules.elements[value[1:]]
    return ipaddress.ip_address(address) in ipaddress.ip_network(value)


class TestIsolation:
    def test_without_policies_there_are_no_rules(self) -> None:
        assert policies.contents([], EVERYONE, NAMESPACES, ["node1"]) == {"node1": EMPTY}

    @pytest.mark.parametrize(
        ("spec", "expected"),
        [
            ({}, ("Ingress",)),
            ({"egress": [{}]}, ("Ingress", "Egress")),
            ({"policyTypes": ["Egress"]}, ("Egress",)),
        ],
    )
    def test_policy_types_default_as_documented(self, spec: dict[str, Any], expected: tuple[str, ...]) -> None:
        assert policies.types(spec) == expected

    def test_an_ingress_policy_leaves_egress_alone(self) -> None:
        assert passes([{**TO_STORE}], STORE.address, WEB.address)
        assert not passes([{**TO_STORE}], WEB.address, STORE.address)

    def test_a_policy_reaches_no_pod_of_another_namespace(self) -> None:
        assert passes([{"podSelector": {}}], WEB.address, FRIEND.address)

    def test_policies_add_up(self) -> None:
        deny: dict[str, Any] = {"podSelector": {}}
        allow = {**TO_STORE, "ingress": [{"from": [FROM_WEB]}]}
        assert passes([deny, allow], WEB.address, STORE.address)
        assert passes([allow, deny], WEB.address, STORE.address)
        assert not passes([deny, allow], ROGUE.address, STORE.address)

    def test_an_empty_rule_allows_everything(self) -> None:
        assert passes([{**TO_STORE, "ingress": [{}]}], "192.0.2.1", STORE.address)

    def test_pods_are_policed_by_their_own_node_alone(self) -> None:
        rules = policies.contents(
            [policies.policy(policy("deny", {"podSelector": {}}))],
            [WEB, person("far", 9, node="node2")],
            NAMESPACES,
            ["node1", "node2", "fabric"],
        )
        assert [set(rules[node].elements.get("ingress", ())) for node in rules] == [
            {WEB.address},
            {"198.18.1.9"},
            set(),
        ]

    def test_a_pod_without_an_address_is_neither_selected_nor_a_peer(self) -> None:
        homeless = Pod("u", "default", (("app", "web"),), "", "node1", ())
        made = [policies.policy(policy("p", {**TO_STORE, "ingress": [{"from": [FROM_WEB]}]}))]
        rules = policies.contents(made, [homeless, STORE], NAMESPACES, ["node1"])["node1"]
        assert all("" not in elements for elements in rules.elements.values())

    def test_pods_that_have_ended_or_share_their_nodes_network_are_no_pods_here(self) -> None:
        ended = pod("a", "198.18.1.9")
        ended["status"]["phase"] = "Succeeded"
        hosted = pod("b", "198.19.255.1")
        hosted["spec"]["hostNetwork"] = True
        assert (facts.pod(ended), facts.pod(hosted)) == (None, None)


class TestPeers:
    def allows(self, peer: dict[str, Any], source: str) -> bool:
        return passes([{**TO_STORE, "ingress": [{"from": [peer]}]}], source, STORE.address)

    def test_a_pod_selector_means_pods_of_the_policys_namespace(self) -> None:
        everyone: dict[str, Any] = {"podSelector": {}}
        assert [self.allows(everyone, p.address) for p in EVERYONE] == [True, True, True, False]

    def test_a_namespace_selector_means_all_pods_there(self) -> None:
        team = {"namespaceSelector": {"matchLabels": {"team": "x"}}}
        assert [self.allows(team, p.address) for p in EVERYONE] == [False, False, False, True]

    def test_both_together_must_both_match(self) -> None:
        team = {"namespaceSelector": {"matchLabels": {"team": "x"}}}
        assert self.allows({**team, "podSelector": {"matchLabels": {"app": "friend"}}}, FRIEND.address)
        assert not self.allows({**team, "podSelector": {"matchLabels": {"app": "web"}}}, FRIEND.address)
        assert not self.allows({**team, "podSelector": {"matchLabels": {"app": "web"}}}, WEB.address)

    def test_a_block_means_addresses_less_the_excepted(self) -> None:
        block = {"ipBlock": {"cidr": "198.18.0.0/16", "except": ["198.18.1.4/31", "198.18.1.2/32"]}}
        assert self.allows(block, "198.18.7.7")
        assert not any(self.allows(block, address) for address in ("198.18.1.2", "198.18.1.5", "192.0.2.1"))

    def test_a_block_of_the_other_address_family_allows_nothing(self) -> None:
        assert not self.allows({"ipBlock": {"cidr": "fd00::/8"}}, WEB.address)

    def test_lookups_are_allowed_by_naming_the_dns_as_the_pod_it_usually_is(self) -> None:
        system = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
        dns = {**system, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
        spec = {
            **FROM_WEB,
            "policyTypes": ["Egress"],
            "egress": [{"to": [dns], "ports": [{"port": 53, "protocol": "UDP"}]}],
        }
        assert passes([spec], WEB.address, DNS_ADDRESS, 53, "udp")
        assert not passes([spec], WEB.address, DNS_ADDRESS, 53, "tcp")

    def test_a_pod_that_joins_a_selector_changes_an_element_and_no_rule(self) -> None:
        made = [policies.policy(policy("p", {**TO_STORE, "ingress": [{"from": [{"podSelector": {}}]}]}))]
        before = policies.contents(made, [STORE], NAMESPACES, ["node1"])["node1"]
        after = policies.contents(made, [STORE, WEB], NAMESPACES, ["node1"])["node1"]
        assert (before.chains, before.sets) == (after.chains, after.sets)
        assert before.elements != after.elements


class TestPorts:
    def allows(self, port: dict[str, Any], number: int, protocol: str = "tcp") -> bool:
        return passes([{**TO_STORE, "ingress": [{"ports": [port]}]}], WEB.address, STORE.address, number, protocol)

    def test_tcp_is_meant_unless_said_otherwise(self) -> None:
        assert self.allows({"port": 80}, 80)
        assert not self.allows({"port": 80}, 80, "udp")

    def test_a_protocol_without_a_port_means_all_its_ports(self) -> None:
        assert self.allows({"protocol": "UDP"}, 5353, "udp")
        assert not self.allows({"protocol": "UDP"}, 5353)

    @given(st.integers(1, 65535), st.integers(1, 65535), st.integers(1, 65535))
    def test_a_range_holds_its_ends(self, one: int, two: int, port: int) -> None:
        low, high = sorted((one, two))
        assert self.allows({"port": low, "endPort": high}, port) is (low <= port <= high)

    def test_a_name_means_the_number_it_has_in_the_selected_pod(self) -> None:
        assert self.allows({"port": "web"}, 8080)
        assert not self.allows({"port": "web"}, 80)
        assert not self.allows({"port": "unknown"}, 8080)

    def test_a_name_in_egress_means_the_number_it_has_in_each_destination(self) -> None:
        spec = {**FROM_WEB, "policyTypes": ["Egress"], "egress": [{"to": [TO_STORE], "ports": [{"port": "web"}]}]}
        assert passes([spec], WEB.address, STORE.address)
        assert not passes([spec], WEB.address, STORE.address, 80)
        assert not passes([spec], WEB.address, ROGUE.address)
