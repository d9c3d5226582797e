"""Cluster IPs and node ports are given out once, and refused in Kubernetes' words."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cluster.api.resources.addresses import allocate, used_by
from cluster.api.resources.services import keep_allocated

Obj = dict[str, Any]


def service(**spec: Any) -> Obj:
    return {"spec": {"type": "ClusterIP", "ports": [{"port": 80, "protocol": "TCP"}], **spec}}


def give(obj: Obj, others: list[Obj] | None = None, chance: int = 0, old: Obj | None = None) -> list[str]:
    addresses, ports = used_by(others or [])
    errors = allocate(
        obj,
        old,
        network="198.19.0.0/17",
        node_ports=range(30000, 32768),
        used_addresses=addresses,
        used_ports=ports,
        below=lambda n: chance % n,
    )
    return [str(error) for error in errors]


@given(st.lists(st.integers(0, 10**6), max_size=20))
def test_no_two_services_share_an_address_or_port(chances: list[int]) -> None:
    given_out: list[Obj] = []
    for chance in chances:
        obj = service(type="NodePort")
        assert give(obj, given_out, chance % 3) == []
        given_out.append(obj)
    assert len({s["spec"]["clusterIP"] for s in given_out}) == len(chances)
    assert len({s["spec"]["ports"][0]["nodePort"] for s in given_out}) == len(chances)


def test_headless_and_external_services_get_no_address() -> None:
    headless, external = service(clusterIP="None"), service(type="ExternalName")
    assert give(headless) == give(external) == []
    assert headless["spec"]["clusterIPs"] == ["None"]
    assert "clusterIP" not in external["spec"]


def test_a_wanted_address_must_be_free_and_in_range() -> None:
    taken = service(clusterIP="198.19.0.10")
    assert give(service(clusterIP="198.19.0.10"), [taken]) == [
        'spec.clusterIPs: Invalid value: ["198.19.0.10"]: failed to allocate IP 198.19.0.10: '
        "provided IP is already allocated"
    ]
    assert "the provided network does not match the current range" in give(service(clusterIP="10.0.0.1"))[0]
    assert "must be a valid IP address" in give(service(clusterIP="ten"))[0]
    assert give(service(clusterIP="198.19.0.11"), [taken]) == []


def test_a_wanted_node_port_must_be_free_and_in_range() -> None:
    def wanting(port: int) -> Obj:
        return service(type="NodePort", ports=[{"port": 80, "protocol": "TCP", "nodePort": port}])

    assert give(wanting(30080), [wanting(30080)]) == [
        "spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated"
    ]
    assert "The range of valid ports is 30000-32767" in give(wanting(80))[0]


def test_a_replacement_keeps_what_it_does_not_mention() -> None:
    old = service(type="NodePort")
    give(old)
    new = service(type="NodePort")
    keep_allocated(new, old)
    assert new == old
    assert give(new, [], old=old) == []
