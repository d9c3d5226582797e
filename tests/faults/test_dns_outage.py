"""No answer from the resolver: for the target alone, port 53 alone, and only while its pods carry the label."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos import recover
from chaos.exec import run_in
from chaos.faults.dns_outage import DNS_OUTAGE, DnsOutage, twin_of, without_dns
from chaos.faults.kind import FaultRefused, pod_path
from chaos.kube import Kube, Obj
from tests.faults.stage import Stage, deployment, embedded, stage

PATIENCE_SECONDS = 10.0
DNS = 53
NUMBERS = st.integers(1, 65535)
PROTOCOL = st.sampled_from(["TCP", "UDP"])
RANGES = st.tuples(NUMBERS, NUMBERS).map(lambda both: {"port": min(both), "endPort": max(both)})
ENTRY: st.SearchStrategy[Obj] = st.one_of(st.just({}), st.builds(dict, port=NUMBERS | st.just(DNS)), RANGES)
PORTS = st.lists(st.builds(lambda entry, protocol: {**entry, "protocol": protocol}, ENTRY, PROTOCOL), max_size=3)
RULES = st.lists(st.builds(lambda ports: {"ports": ports} if ports else {}, PORTS), max_size=3)


def allows(rules: list[Obj], protocol: str, number: int) -> bool:
    return any(not rule.get("ports") or any(_has(p, protocol, number) for p in rule["ports"]) for rule in rules)


def _has(port: Obj, protocol: str, number: int) -> bool:
    first: int = port.get("port", 1)
    last: int = port.get("endPort", first) if "port" in port else 65535
    return port["protocol"] == protocol and bool(first <= number <= last)


def policy(name: str, **spec: Any) -> Obj:
    whole = {"podSelector": {}, "policyTypes": ["Egress"], **spec}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name}, "spec": whole}


@given(RULES, PROTOCOL, NUMBERS | st.sampled_from([DNS - 1, DNS, DNS + 1]))
def test_what_was_allowed_is_allowed_still_but_for_the_resolvers_port(
    rules: list[Obj], protocol: str, number: int
) -> None:
    wanted = number != DNS and allows(rules, protocol, number)
    assert allows(list(without_dns(rules)), protocol, number) is wanted


@given(RULES)
def test_no_rule_is_left_without_ports_for_that_would_allow_all(rules: list[Obj]) -> None:
    assert all(rule["ports"] for rule in without_dns(rules))


@pytest.mark.parametrize(("name", "left"), [("dns", []), ("dns-tcp", []), ("http", [{"ports": [{"port": "http"}]}])])
def test_a_port_by_name_goes_when_it_is_the_resolvers(name: str, left: list[Obj]) -> None:
    assert list(without_dns([{"ports": [{"port": name}]}])) == left


def test_whom_a_rule_leads_to_stays() -> None:
    peers: list[Obj] = [{"podSelector": {}}]
    (left,) = without_dns([{"to": peers, "ports": [{"port": 8080, "protocol": "TCP"}]}])
    assert left["to"] == peers


def test_whom_the_pods_let_in_is_not_changed() -> None:
    spec = {"policyTypes": ["Ingress", "Egress"], "ingress": [{"ports": [{"port": DNS}]}], "egress": [{}]}
    found = twin_of(policy("both", **spec))["spec"]
    assert (found["policyTypes"], found["ingress"]) == (spec["policyTypes"], spec["ingress"])
    assert not allows(found["egress"], "UDP", DNS)


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


LOOKUPS = policy("lookups", egress=[{"ports": [{"port": DNS, "protocol": p} for p in ("UDP", "TCP")]}])


def soon(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def looks_up(web: Stage, workload: str) -> int:
    """The exit code of a lookup in a pod of a workload."""
    (pod,) = web.arena.view.pods(workload)
    command = ["timeout", "1", "getent", "hosts", "kubernetes.default.svc"]
    return run_in(web.kube, pod_path(web.arena, pod), workload.partition("/")[2], command).code


@pytest.mark.root
class TestOnACluster:
    @pytest.mark.parametrize("policies", [[], [policy("deny"), LOOKUPS]], ids=["open", "default-deny"])
    def test_the_targets_lookups_hang_others_do_not_and_the_undo_ends_it(self, kube: Kube, policies: list[Obj]) -> None:
        other = deployment("other")
        other["spec"]["template"]["spec"]["containers"][0]["name"] = "other"
        with stage(kube, [*policies, other, deployment()]) as web:
            soon(lambda: any(pod["ready"] for pod in web.arena.view.pods("deployment/other").values()))
            (injury,) = DNS_OUTAGE.inject(web.arena, DnsOutage())
            soon(lambda: DNS_OUTAGE.witness(web.arena, DnsOutage(), injury).ok)
            assert looks_up(web, "deployment/other") == 0
            assert injury.undo is not None
            recover.carry_out(kube, web.undos[injury.undo], web.run)
            soon(lambda: not DNS_OUTAGE.witness(web.arena, DnsOutage(), injury).ok)
            assert looks_up(web, "deployment/web") == 0
            assert list(web.arena.view.pods("deployment/web")) == [injury.target], "it is the same pod"

    def test_healing_gives_the_policies_their_selectors_back(self, kube: Kube) -> None:
        with stage(kube, [policy("deny"), LOOKUPS, deployment()]) as web:
            path = f"/apis/networking.k8s.io/v1/namespaces/{web.arena.namespace}/networkpolicies"
            before = {p["metadata"]["name"]: p["spec"] for p in kube.list(path)}
            DNS_OUTAGE.inject(web.arena, DnsOutage())
            for undo in reversed(web.undos[1:]):
                recover.carry_out(kube, undo, web.run)
            after = {p["metadata"]["name"]: p["spec"] for p in kube.list(path)}
            assert {name: after[name] for name in before} == before

    def test_pods_that_could_not_look_up_before_are_refused_untouched(self, kube: Kube) -> None:
        with stage(kube, [policy("deny"), deployment()]) as web:
            undos = len(web.undos)
            with pytest.raises(FaultRefused, match="before the fault"):
                DNS_OUTAGE.inject(web.arena, DnsOutage())
            assert len(web.undos) == undos
