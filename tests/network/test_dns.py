"""Names and what they mean, and messages that survive whatever arrives."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.client import Obj
from cluster.network import facts
from cluster.network.dnswire import Answer, Code, Malformed, Query, Record, Type, encode, encode_name, parse, udp_limit
from cluster.network.zone import Zone, names_of
from tests.network.objects import endpoint, endpoint_slice, service

LABELS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=63)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join).filter(lambda name: len(name) <= 253)


Published = tuple[Obj, list[Obj]]
"""A Service and its slices."""


def question(name: str, type: int = Type.A, *, edns: int | None = None, flags: int = 0x0100) -> bytes:
    header = struct.pack("!HHHHHH", 7, flags, 1, 0, 0, 0 if edns is None else 1)
    option = b"" if edns is None else b"\0" + struct.pack("!HHIH", Type.OPT, edns, 0, 0)
    return header + encode_name(name) + struct.pack("!HH", type, 1) + option


def zone(*objects: Published) -> Zone:
    made = Zone()
    made.namespaces = frozenset({"default"})
    for service_obj, slices in objects:
        found = [one for one in map(facts.endpoint_slice, slices) if one]
        made.put(facts.key_of(service_obj), names_of(facts.service(service_obj), found))
    return made


def ask(made: Zone, name: str, type: Type = Type.A) -> Answer:
    return made.answer(parse(question(name, type)))


def data(answer: Answer) -> list[bytes]:
    assert answer.code == Code.NOERROR
    return sorted(record.data for record in answer.records)


WEB: Published = (service("web", "198.19.0.20", {"name": "http", "port": 80}), [])
STORE: Published = (
    service("store", "None", {"name": "sql", "port": 5432}),
    [
        endpoint_slice(
            "store",
            endpoint("198.18.1.7") | {"hostname": "store-0"},
            endpoint("198.18.2.8"),
            endpoint("198.18.2.9", ready=False),
            ports=[{"name": "sql", "port": 5432, "protocol": "TCP"}],
        )
    ],
)
ALIAS: Published = (service("alias", "", type="ExternalName", externalName="web.default.svc.cluster.local"), [])
OUTSIDE: Published = (service("outside", "", type="ExternalName", externalName="db.example.com"), [])
DOMAIN = "default.svc.cluster.local"


class TestZone:
    def test_a_service_has_its_address(self) -> None:
        assert data(ask(zone(WEB), f"web.{DOMAIN}")) == [bytes((198, 19, 0, 20))]

    def test_names_are_the_same_in_any_case_and_the_question_is_repeated_as_asked(self) -> None:
        query = parse(question(f"WeB.{DOMAIN}"))
        answer = zone(WEB).answer(query)
        assert answer.records
        assert encode_name(f"WeB.{DOMAIN}") in encode(query, answer)

    def test_a_known_name_without_the_type_asked_exists_and_is_empty(self) -> None:
        answer = ask(zone(WEB), f"web.{DOMAIN}", Type.AAAA)
        assert (answer.code, answer.records, answer.authority[0].type) == (Code.NOERROR, (), Type.SOA)

    @pytest.mark.parametrize("name", ["cluster.local", "svc.cluster.local", DOMAIN, f"_tcp.web.{DOMAIN}"])
    def test_a_name_that_only_has_names_below_it_exists(self, name: str) -> None:
        assert ask(zone(WEB), name).code == Code.NOERROR

    @pytest.mark.parametrize("name", [f"nothing.{DOMAIN}", "example.com", "default", f"web.{DOMAIN}.{DOMAIN}"])
    def test_any_other_name_does_not_exist(self, name: str) -> None:
        assert ask(zone(WEB), name).code == Code.NXDOMAIN

    def test_a_headless_service_has_its_ready_endpoints_each_with_a_name(self) -> None:
        made = zone(STORE)
        assert data(ask(made, f"store.{DOMAIN}")) == [bytes((198, 18, 1, 7)), bytes((198, 18, 2, 8))]
        assert data(ask(made, f"store-0.store.{DOMAIN}")) == [bytes((198, 18, 1, 7))]
        assert data(ask(made, f"198-18-2-8.store.{DOMAIN}")) == [bytes((198, 18, 2, 8))]

    def test_named_ports_are_located(self) -> None:
        made = zone(WEB, STORE)
        target = struct.pack("!HHH", 0, 100, 80) + encode_name(f"web.{DOMAIN}")
        assert data(ask(made, f"_http._tcp.web.{DOMAIN}", Type.SRV)) == [target]
        assert len(ask(made, f"_sql._tcp.store.{DOMAIN}", Type.SRV).records) == 2

    def test_an_alias_is_followed_within_the_cluster_and_told_outside(self) -> None:
        made = zone(WEB, ALIAS, OUTSIDE)
        assert [r.type for r in ask(made, f"alias.{DOMAIN}").records] == [Type.CNAME, Type.A]
        assert data(ask(made, f"outside.{DOMAIN}")) == [encode_name("db.example.com")]

    def test_an_alias_of_itself_ends(self) -> None:
        loop: Published = (service("loop", "", type="ExternalName", externalName=f"loop.{DOMAIN}"), [])
        assert ask(zone(loop), f"loop.{DOMAIN}").code == Code.NOERROR

    def test_addresses_have_names(self) -> None:
        made = zone(WEB, STORE)
        assert data(ask(made, "20.0.19.198.in-addr.arpa", Type.PTR)) == [encode_name(f"web.{DOMAIN}")]
        assert data(ask(made, "7.1.18.198.in-addr.arpa", Type.PTR)) == [encode_name(f"store-0.store.{DOMAIN}")]

    def test_pods_have_names_in_namespaces_that_exist(self) -> None:
        assert data(ask(zone(), "198-18-1-7.default.pod.cluster.local")) == [bytes((198, 18, 1, 7))]
        assert ask(zone(), "198-18-1-7.nowhere.pod.cluster.local").code == Code.NXDOMAIN
        assert ask(zone(), "198-18-1-777.default.pod.cluster.local").code == Code.NXDOMAIN

    def test_a_removed_service_leaves_no_name_behind(self) -> None:
        made = zone(WEB, STORE)
        for key in (("default", "web"), ("default", "store")):
            made.put(key, {})
        for name in (f"web.{DOMAIN}", f"store-0.store.{DOMAIN}", DOMAIN, "7.1.18.198.in-addr.arpa"):
            assert ask(made, name).code == Code.NXDOMAIN

    def test_an_address_of_two_services_keeps_its_name_when_one_goes(self) -> None:
        twin: Published = (service("twin", "None"), [endpoint_slice("twin", endpoint("198.18.2.8"))])
        made = zone(STORE, twin)
        made.put(("default", "store"), {})
        assert data(ask(made, "8.2.18.198.in-addr.arpa", Type.PTR)) == [encode_name(f"198-18-2-8.twin.{DOMAIN}")]

    def test_what_is_no_lookup_is_not_implemented(self) -> None:
        update = parse(question(f"web.{DOMAIN}", flags=0x2800))
        assert zone(WEB).answer(update).code == Code.NOTIMP


class TestMessages:
    @given(NAMES, st.sampled_from(list(Type)), st.none() | st.integers(0, 65535))
    def test_a_question_is_read_as_it_was_written(self, name: str, type: Type, edns: int | None) -> None:
        query = parse(question(name, type, edns=edns))
        assert (query.name, query.type, query.id) == (name, type, 7)
        assert query.udp_size == (None if edns is None else max(edns, 512))

    @given(st.binary(max_size=600))
    def test_noise_is_malformed_or_a_question_and_nothing_else(self, packet: bytes) -> None:
        try:
            query = parse(packet)
        except Malformed:
            return
        assert isinstance(query, Query)
        assert encode(query, zone(WEB).answer(query))

    @given(NAMES, st.integers(0, 200))
    def test_a_cut_or_changed_question_never_raises_anything_else(self, name: str, at: int) -> None:
        packet = bytearray(question(name))
        packet[at % len(packet)] ^= 0xFF
        for damaged in (bytes(packet), bytes(packet[: at % len(packet)])):
            try:
                parse(damaged)
            except Malformed:
                continue

    def test_answers_and_many_questions_are_not_questions(self) -> None:
        for header in ((7, 0x8000, 1, 0, 0, 0), (7, 0, 2, 0, 0, 0), (7, 0, 0, 0, 0, 0), (7, 0, 1, 1, 0, 0)):
            with pytest.raises(Malformed):
                parse(struct.pack("!HHHHHH", *header) + encode_name("web") + struct.pack("!HH", 1, 1))

    def test_what_does_not_fit_is_cut_to_an_invitation_to_use_tcp(self) -> None:
        query = parse(question("web"))
        answer = Answer(Code.NOERROR, tuple(Record("web", Type.A, 5, bytes(4)) for _ in range(40)))
        packet = encode(query, answer, limit=udp_limit(query))
        assert len(packet) <= 512
        assert struct.unpack_from("!HHHHHH", packet)[1:] == (0x8700, 1, 0, 0, 0)
        assert struct.unpack_from("!HHHHHH", encode(query, answer))[3] == 40

    def test_a_client_that_speaks_edns_is_answered_in_it_and_gets_larger_packets(self) -> None:
        query = parse(question("web", edns=4096))
        answer = Answer(Code.NOERROR, tuple(Record("web", Type.A, 5, bytes(4)) for _ in range(40)))
        packet = encode(query, answer, limit=udp_limit(query))
        assert struct.unpack_from("!HHHHHH", packet)[3:] == (40, 0, 1)
