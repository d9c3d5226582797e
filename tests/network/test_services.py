"""Which endpoints a Service's connections may go to, and that rules change by their difference alone."""

import os
import random
import socket
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.client import Obj
from cluster.network import facts, services
from cluster.network.facts import Key, Service, ServicePort, Slice
from cluster.network.nft import Firewall, RulesRefused
from cluster.network.ruleset import EMPTY, Ruleset, change, merged, whole
from tests.network.objects import endpoint, endpoint_slice, service
from tests.network.world import isolated

HTTP = ServicePort("", "tcp", 80)


def slices(*objects: Obj) -> list[Slice]:
    return [one for one in map(facts.endpoint_slice, objects) if one is not None]


def rules(service_obj: Obj, *slice_objects: Obj, node: str = "node1") -> Ruleset:
    made = facts.service(service_obj)
    return services.contents([made], {made.key: tuple(slices(*slice_objects))}, [node])[node]


class TestBackends:
    def test_are_the_ready_endpoints_of_all_slices_once_and_in_order(self) -> None:
        found = slices(
            endpoint_slice("web", endpoint("198.18.2.2"), endpoint("198.18.1.2")),
            endpoint_slice("web", endpoint("198.18.1.2"), endpoint("198.18.1.3", ready=False, serving=False)),
        )
        assert services.backends(HTTP, found) == (("198.18.1.2", 8080), ("198.18.2.2", 8080))

    def test_fall_back_to_terminating_ones_that_still_serve(self) -> None:
        leaving = endpoint("198.18.1.2", ready=False, terminating=True)
        gone = endpoint("198.18.1.3", ready=False, serving=False, terminating=True)
        assert services.backends(HTTP, slices(endpoint_slice("web", leaving, gone))) == (("198.18.1.2", 8080),)

    def test_an_endpoint_without_conditions_is_ready(self) -> None:
        bare = {"addresses": ["198.18.1.2"]}
        assert services.backends(HTTP, slices(endpoint_slice("web", bare))) == (("198.18.1.2", 8080),)

    def test_are_matched_by_the_name_and_protocol_of_the_port(self) -> None:
        ports = [{"name": "admin", "port": 9, "protocol": "TCP"}, {"name": "web", "port": 8, "protocol": "UDP"}]
        found = slices(endpoint_slice("web", endpoint("198.18.1.2"), ports=ports))
        assert services.backends(ServicePort("admin", "tcp", 80), found) == (("198.18.1.2", 9),)
        assert services.backends(ServicePort("web", "tcp", 80), found) == ()

    def test_addresses_that_are_none_are_left_out(self) -> None:
        found = slices(endpoint_slice("web", endpoint("1.2.3.4 } ; flush ruleset"), endpoint("198.18.1.2")))
        assert services.backends(HTTP, found) == (("198.18.1.2", 8080),)

    def test_slices_of_other_address_families_are_left_out(self) -> None:
        assert not slices(endpoint_slice("web", endpoint("fd00::1")) | {"addressType": "IPv6"})


class TestRules:
    def test_a_headless_service_has_none(self) -> None:
        assert rules(service("web", "None"), endpoint_slice("web", endpoint("198.18.1.2"))) == EMPTY

    def test_a_service_without_endpoints_has_none_so_that_its_address_refuses(self) -> None:
        assert rules(service("web", "198.19.0.20")) == EMPTY

    def test_one_choice_is_made_per_connection(self) -> None:
        made = rules(
            service("web", "198.19.0.20"), endpoint_slice("web", endpoint("198.18.1.2"), endpoint("198.18.2.2"))
        )
        assert made.elements["cluster"] == {"198.19.0.20 . tcp . 80": "goto all/default/web/tcp/80"}
        assert made.chains["all/default/web/tcp/80"] == (
            "meta l4proto tcp dnat ip addr . port to numgen random mod 2 map "
            "{ 0 : 198.18.1.2 . 8080, 1 : 198.18.2.2 . 8080 }",
        )

    def test_local_policies_drop_on_nodes_without_an_endpoint(self) -> None:
        port = {"port": 80, "nodePort": 30080}
        local = service("web", "198.19.0.20", port, internalTrafficPolicy="Local", externalTrafficPolicy="Local")
        made = rules(local, endpoint_slice("web", endpoint("198.18.2.2", "node2")))
        assert made.elements["cluster"] == {"198.19.0.20 . tcp . 80": "drop"}
        assert made.elements["node-ports"] == {"tcp . 30080": "drop"}

    def test_nodes_that_should_hold_the_same_share_one_value(self) -> None:
        made = services.contents([facts.service(service("web", "198.19.0.20"))], {}, ["node1", "node2"])
        assert made["node1"] is made["node2"]


NAMES = st.sampled_from("abcd")
RULESETS = st.builds(
    Ruleset,
    sets=st.dictionaries(NAMES.map("s{}".format), st.just("type ipv4_addr;")),
    chains=st.dictionaries(NAMES, st.tuples(st.sampled_from(["accept", "drop"]))),
    elements=st.dictionaries(st.just("cluster"), st.dictionaries(NAMES, st.sampled_from(["accept", "drop"]))),
)


class TestChange:
    @given(RULESETS)
    def test_between_equals_is_nothing(self, ruleset: Ruleset) -> None:
        assert change("ip t", ruleset, ruleset) == ""

    @given(RULESETS, RULESETS)
    def test_names_only_what_differs(self, old: Ruleset, new: Ruleset) -> None:
        text = change("ip t", old, new)
        for name in old.chains.keys() & new.chains.keys():
            if old.chains[name] == new.chains[name]:
                assert f"chain ip t {name}\n" not in text

    @given(st.lists(RULESETS))
    def test_merging_keeps_everything(self, parts: list[Ruleset]) -> None:
        result = merged(parts)
        assert set(result.chains) == {name for part in parts for name in part.chains}
        assert set(result.sets) == {name for part in parts for name in part.sets}


def _world(chance: random.Random) -> tuple[list[Service], dict[Key, tuple[Slice, ...]]]:
    """Some Services of every kind with some endpoints in every state."""
    made, found = [], {}
    for number in chance.sample(range(8), chance.randrange(8)):
        ports = [{"name": "p", "port": 80, "nodePort": 30000 + number}, {"name": "u", "port": 53, "protocol": "UDP"}]
        more: dict[str, str] = {"type": "NodePort"}
        more |= chance.choice([{}, {"sessionAffinity": "ClientIP"}])
        more |= chance.choice([{}, {"externalTrafficPolicy": "Local"}, {"internalTrafficPolicy": "Local"}])
        one = facts.service(service(f"s{number}", f"198.19.1.{number}", *chance.sample(ports, 2), **more))
        made.append(one)
        found[one.key] = tuple(slices(endpoint_slice(f"s{number}", *_endpoints(chance), ports=ports)))
    return made, found


def _endpoints(chance: random.Random) -> Iterable[dict[str, object]]:
    for host in chance.sample(range(2, 8), chance.randrange(6)):
        states = {key: chance.random() < 0.7 for key in ("ready", "serving")}
        yield endpoint(
            f"198.18.1.{host}", chance.choice(["node1", "node2"]), terminating=chance.random() < 0.3, **states
        )


def _sorted(listing: str) -> list[str]:
    return sorted(word for word in listing.replace(",", " ").split() if word not in "{}")


@isolated
async def test_a_hundred_changes_end_where_a_fresh_start_does() -> None:
    """The kernel accepts every difference, and holds afterwards what it would hold if it had been told everything."""
    chance = random.Random(20260101)
    firewall, table, frame = Firewall(), services.TABLE, services.frame("198.19.255.1")
    held = EMPTY
    firewall.run(whole(table, frame, held))
    for _ in range(100):
        wanted = services.contents(*_world(chance), ["node1"])["node1"]
        firewall.run(change(table, held, wanted))
        held = wanted
        changed = _sorted(firewall.run(f"list table {table}"))
        firewall.run(whole(table, frame, wanted))
        assert changed == _sorted(firewall.run(f"list table {table}"))
    firewall.close()


@isolated
async def test_a_refused_transaction_leaves_everything_as_it_was() -> None:
    firewall = Firewall()
    firewall.run("add table ip t; add chain ip t c")
    with pytest.raises(RulesRefused, match="nowhere"):
        firewall.run("delete chain ip t c; add element ip t nowhere { 1.2.3.4 }")
    assert "chain c" in firewall.run("list table ip t")
    firewall.close()


@isolated
async def test_programs_started_later_do_not_inherit_the_hold_on_the_rules() -> None:
    firewall = Firewall()
    sockets = [entry.name for entry in Path("/proc/self/fd").iterdir() if _is_inheritable_netlink(int(entry.name))]
    firewall.close()
    assert not sockets


def _is_inheritable_netlink(descriptor: int) -> bool:
    try:
        with socket.socket(fileno=os.dup(descriptor)) as same:
            return same.family == socket.AF_NETLINK and os.get_inheritable(descriptor)
    except OSError:
        return False
