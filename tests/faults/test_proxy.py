"""A proxy in the place of a Service: later, or never; to the same pods, and to the same callers."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from chaos import recover
from chaos.faults.kind import FaultKind, FaultRefused, Injury
from chaos.faults.latency import LATENCY, Latency
from chaos.faults.partition import PARTITION, Partition
from chaos.faults.proxy import PROXIES, STANDS_FOR, admission, openings, twin_of
from chaos.kube import Kube, KubeError, Obj
from chaos.selectors import matches
from tests.faults.stage import Stage, deployment, embedded, stage

PATIENCE_SECONDS = 10.0
# By name, and to another number than its own: a Service may find its port in either way.
SERVICE: Obj = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"ports": [{"name": "http", "port": 80, "targetPort": "web"}], "selector": {"app": "web"}},
}
WEB: Obj = {
    "name": "web",
    "image": "python:3.12-slim",
    "command": ["python3", "-m", "http.server", "8000"],
    "ports": [{"containerPort": 8000, "name": "web"}],
    "readinessProbe": {"tcpSocket": {"port": 8000}, "periodSeconds": 1},
}
STORM = Latency.model_validate({"services": ["web"], "delay": "300ms"})
DENY: Obj = {"metadata": {"name": "deny"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}
FRIENDS = {"from": [{"podSelector": {"matchLabels": {"app": "friend"}}}], "ports": [{"port": 8000}]}
DOOR: Obj = {
    "metadata": {"name": "door"},
    "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"], "ingress": [FRIENDS]},
}


class TestPolicies:
    """Whom the pods let in, the proxy lets in, and nobody is isolated who was not before."""

    def test_who_may_reach_the_pods_may_reach_their_proxy(self) -> None:
        found = admission("web", {"app": "web"}, [DENY, DOOR])["spec"]
        assert found["podSelector"] == {"matchLabels": {STANDS_FOR: "web"}}
        assert found["ingress"] == [FRIENDS]
        assert found["egress"] == [{}]

    def test_pods_that_let_in_nobody_have_a_proxy_that_lets_in_nobody(self) -> None:
        assert admission("web", {"app": "web"}, [DENY])["spec"]["ingress"] == []

    @pytest.mark.parametrize("policies", [[], [{**DOOR, "spec": {**DOOR["spec"], "policyTypes": ["Egress"]}}]])
    def test_pods_that_let_in_everybody_have_a_proxy_that_does(self, policies: list[Obj]) -> None:
        assert admission("web", {"app": "web"}, policies)["spec"]["ingress"] == [{}]

    def test_each_opening_is_about_the_pods_and_ways_of_a_policy_that_is_there(self) -> None:
        deny, door = openings([DENY, DOOR])
        peers = [{"podSelector": PROXIES}]
        assert deny["spec"] == {**DENY["spec"], "ingress": [{"from": peers}], "egress": [{"to": peers}]}
        assert door["spec"] == {**DOOR["spec"], "ingress": [{"from": peers}]}
        assert matches(PROXIES, {STANDS_FOR: "web"})
        assert not list(openings([]))

    def test_the_twin_leads_where_the_service_led(self) -> None:
        spec = {**SERVICE["spec"], "clusterIP": "10.96.0.7", "ports": [{**SERVICE["spec"]["ports"][0], "nodePort": 1}]}
        assert twin_of({**SERVICE, "spec": spec})["spec"] == SERVICE["spec"]


@pytest.mark.parametrize("delay", ["0s", "11s", "200"])
def test_a_delay_that_is_none_or_beyond_all_patience_is_refused(delay: str) -> None:
    with pytest.raises(ValidationError):
        Latency.model_validate({"delay": delay})


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


@pytest.fixture
def web(kube: Kube) -> Iterator[Stage]:
    with stage(kube, [SERVICE, deployment(containers=[WEB])]) as found:
        soon(lambda: bool(slices(found)))
        yield found


def slices(web: Stage) -> list[str]:
    return [p for s in web.arena.view.of("EndpointSlice").values() if s["service"] == "web" for p in s["ready"]]


def soon(true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def bites(web: Stage, kind: FaultKind[Any], params: Any, injury: Injury) -> bool:
    try:
        return kind.witness(web.arena, params, injury).ok
    except KubeError:
        return False


def page(web: Stage) -> bytes:
    path = f"/api/v1/namespaces/{web.arena.namespace}/services/web:80/proxy/"
    return web.kube.request("GET", path, accept="*/*")


@pytest.mark.root
class TestOnACluster:
    @pytest.mark.parametrize(("kind", "params"), [(LATENCY, STORM), (PARTITION, Partition())])
    def test_it_bites_its_witness_sees_it_and_its_undo_ends_it(
        self, web: Stage, kind: FaultKind[Any], params: Any
    ) -> None:
        path = f"/api/v1/namespaces/{web.arena.namespace}/services/web"
        before = web.kube.get(path)["spec"]
        (injury,) = kind.inject(web.arena, params)
        assert injury.data["pods"] == list(web.arena.view.pods("deployment/web"))
        soon(lambda: bites(web, kind, params, injury))
        assert injury.undo is not None
        recover.carry_out(web.kube, web.undos[injury.undo], web.run)
        assert web.kube.get(path)["spec"] == before
        soon(lambda: slices(web) == injury.data["pods"])
        soon(lambda: not bites(web, kind, params, injury))
        assert kind.witness(web.arena, params, injury).detail, "it can look, and what it sees is no bite"

    def test_what_is_passed_on_late_is_whole_and_follows_the_pods(self, web: Stage) -> None:
        whole = page(web)
        (injury,) = LATENCY.inject(web.arena, STORM)
        soon(lambda: bites(web, LATENCY, STORM, injury))
        assert page(web) == whole
        (old,) = injury.data["pods"]
        web.kube.delete(f"/api/v1/namespaces/{web.arena.namespace}/pods/{old}")

        def another() -> bool:
            pods = web.arena.view.pods("deployment/web")
            return old not in pods and any(pod["ready"] for pod in pods.values())

        soon(another)
        soon(lambda: bites(web, LATENCY, STORM, injury))

    def test_a_port_that_is_not_tcp_is_refused_before_anything_is_done(self, web: Stage) -> None:
        ports = [{"name": "http", "port": 80, "targetPort": "web"}, {"name": "d", "port": 53, "protocol": "UDP"}]
        named = {**SERVICE, "metadata": {"name": "both"}, "spec": {**SERVICE["spec"], "ports": ports}}
        web.kube.create(named, web.arena.namespace)
        undos = len(web.undos)
        with pytest.raises(FaultRefused, match="not TCP"):
            LATENCY.inject(web.arena, Latency(services=("both",)))
        assert len(web.undos) == undos
