"""A stranger at every door, with real packets: let in without a policy, dropped with one, and never a false silence."""

import time
from collections.abc import Iterator

import pytest

from chaos.faults.kind import FaultRefused, Sighting
from chaos.faults.rogue_client import ROGUE_CLIENT, RogueClient
from chaos.judging.network import LISTENER
from chaos.kube import Kube, Obj
from tests.faults.stage import Stage, deployment, embedded, stage

pytestmark = pytest.mark.root
PATIENCE_SECONDS = 10.0


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


SERVICE: Obj = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"ports": [{"port": 80, "targetPort": 8000}], "selector": {"app": "web"}},
}
PROBE = {"tcpSocket": {"port": 8000}, "periodSeconds": 1}
WEB: Obj = {
    "name": "web",
    "image": "python:3.12-slim",
    "command": ["python3", "-m", "http.server", "8000"],
    "ports": [{"containerPort": 8000}],
    "readinessProbe": PROBE,
}
GUESTS = {"namespaceSelector": {"matchLabels": {"seawall.dev/role": "load"}}}


def policy(name: str, *peers: Obj) -> Obj:
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": list(peers)}] if peers else []}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def web(kube: Kube) -> Iterator[Stage]:
    with stage(kube, [SERVICE, deployment(containers=[WEB])]) as found:
        view = found.arena.view
        assert view.wait(lambda: any(s["ready"] for s in view.of("EndpointSlice").values()), PATIENCE_SECONDS)
        yield found


def seen(web: Stage, ok: bool = True) -> Sighting:
    """The first look that is as it should be; the last one when none is in time."""
    (injury,) = ROGUE_CLIENT.inject(web.arena, RogueClient())
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (look := ROGUE_CLIENT.witness(web.arena, RogueClient(), injury)).ok is not ok:
        if time.monotonic() > deadline:
            break
        time.sleep(0.5)
    return look


def doors(look: Sighting) -> dict[str, str]:
    """What the rogue got at a Service and a pod."""
    return {name.partition("/")[0]: got for name, got in look.data["rogue"].items() if name != LISTENER}


def test_without_a_policy_every_door_opens(web: Stage) -> None:
    look = seen(web)
    assert look.ok
    assert doors(look) == {"Service": "connected", "Pod": "connected"}
    assert look.data["out"] == "connected"


def test_a_policy_that_lets_in_the_guest_drops_the_stranger(web: Stage) -> None:
    web.kube.create(policy("guests", GUESTS), web.arena.namespace)
    look = seen(web)
    assert look.ok
    assert doors(look) == {"Service": "timeout", "Pod": "timeout"}
    assert sorted(look.data["attended"]) == sorted(k for k in look.data["rogue"] if k != LISTENER)


def test_a_policy_for_the_way_out_drops_what_the_target_sends(web: Stage) -> None:
    deny: Obj = {"podSelector": {}, "policyTypes": ["Egress"]}
    web.kube.create({**policy("kept-in"), "spec": deny}, web.arena.namespace)
    look = seen(web)
    assert (look.ok, look.data["out"]) == (True, "timeout")
    assert doors(look) == {"Service": "connected", "Pod": "connected"}


def test_a_policy_that_lets_in_nobody_proves_nothing(web: Stage) -> None:
    """The stranger is dropped, and so is everybody else."""
    web.kube.create(policy("nobody"), web.arena.namespace)
    look = seen(web, ok=False)
    assert not look.ok
    assert "the allowed guest did not reach Service/web:80" in look.detail


def test_a_workload_behind_no_service_is_refused_and_nothing_is_left(kube: Kube) -> None:
    with stage(kube, [deployment(containers=[WEB])]) as web:
        with pytest.raises(FaultRefused, match="no Service sends traffic"):
            ROGUE_CLIENT.inject(web.arena, RogueClient())
        assert len(web.undos) == 1


def test_the_namespaces_are_written_down_before_they_are_made(web: Stage) -> None:
    ROGUE_CLIENT.inject(web.arena, RogueClient())
    assert [u.path.rpartition("-")[2] for u in web.undos] == ["defended", "foreign", "guests"]
