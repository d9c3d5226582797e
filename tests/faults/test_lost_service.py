"""A Service that selects nobody by a typo: no endpoints, refused connections, healthy pods, and its selector back."""

import re
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos import recover
from chaos.faults.kind import FaultRefused
from chaos.faults.lost_service import LOST_SERVICE, LostService, misspelt
from chaos.faults.services import turn
from chaos.kube import Kube, Obj
from tests.faults.stage import Stage, deployment, embedded, stage

PATIENCE_SECONDS = 10.0
LABEL_VALUE = r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"
SERVICE: Obj = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"ports": [{"port": 80, "targetPort": 8000}], "selector": {"app": "web"}},
}
LABELS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["x", "y"]), min_size=1)


@given(st.from_regex(LABEL_VALUE, fullmatch=True))
def test_a_typo_makes_another_value_that_the_api_takes(value: str) -> None:
    assert misspelt(value) != value
    assert re.fullmatch(LABEL_VALUE, misspelt(value))


@given(LABELS, LABELS)
def test_turning_a_selector_and_turning_it_back_leaves_it_as_it_was(old: dict[str, str], new: dict[str, str]) -> None:
    def merged(selector: dict[str, str], patch: dict[str, str | None]) -> dict[str, str]:
        return {k: v for k, v in {**selector, **patch}.items() if v is not None}

    turned = merged(old, turn(old, new)["spec"]["selector"])
    assert turned == new
    assert merged(turned, turn(new, old)["spec"]["selector"]) == old


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


@pytest.fixture
def web(kube: Kube) -> Iterator[Stage]:
    with stage(kube, [SERVICE, deployment()]) as found:
        soon(lambda: endpoints(found) == 1)
        yield found


def soon(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def endpoints(web: Stage) -> int:
    return sum(len(s["ready"]) for s in web.arena.view.of("EndpointSlice").values() if s["service"] == "web")


@pytest.mark.root
class TestOnACluster:
    def test_the_endpoints_go_the_pods_stay_and_the_undo_brings_the_selector_back(self, web: Stage) -> None:
        path = f"/api/v1/namespaces/{web.arena.namespace}/services/web"
        before = web.kube.get(path)["spec"]
        (injury,) = LOST_SERVICE.inject(web.arena, LostService())
        soon(lambda: LOST_SERVICE.witness(web.arena, LostService(), injury).ok)
        assert endpoints(web) == 0
        assert all(pod["ready"] for pod in web.arena.view.pods("deployment/web").values())
        assert injury.undo is not None
        for _ in range(2):
            recover.carry_out(web.kube, web.undos[injury.undo], web.run)
        assert web.kube.get(path)["spec"] == before
        soon(lambda: endpoints(web) == 1)
        assert not LOST_SERVICE.witness(web.arena, LostService(), injury).ok

    def test_a_service_that_was_made_anew_is_left_alone_by_the_undo(self, web: Stage) -> None:
        path = f"/api/v1/namespaces/{web.arena.namespace}/services/web"
        LOST_SERVICE.inject(web.arena, LostService(service="web"))
        web.kube.delete(path)
        web.kube.create({**SERVICE, "spec": {**SERVICE["spec"], "selector": {"app": "other"}}}, web.arena.namespace)
        recover.carry_out(web.kube, web.undos[-1], web.run)
        assert web.kube.get(path)["spec"]["selector"] == {"app": "other"}

    def test_pods_that_are_not_ready_either_prove_nothing(self, web: Stage) -> None:
        """Then there may be no endpoints because of them."""
        (injury,) = LOST_SERVICE.inject(web.arena, LostService())
        soon(lambda: endpoints(web) == 0)
        scale = f"/apis/apps/v1/namespaces/{web.arena.namespace}/deployments/web"
        web.kube.merge(scale, {"spec": {"replicas": 0}})
        soon(lambda: not web.arena.view.of("Pod"))
        assert not LOST_SERVICE.witness(web.arena, LostService(), injury).ok

    @pytest.mark.parametrize("name", ["nowhere", "headless", "by-hand"])
    def test_a_service_that_cannot_be_lost_is_refused_before_anything_is_done(self, web: Stage, name: str) -> None:
        headless = {**SERVICE, "metadata": {"name": "headless"}, "spec": {**SERVICE["spec"], "clusterIP": "None"}}
        by_hand = {**SERVICE, "metadata": {"name": "by-hand"}, "spec": {"ports": SERVICE["spec"]["ports"]}}
        for obj in (headless, by_hand):
            web.kube.create(obj, web.arena.namespace)
        undos = len(web.undos)
        with pytest.raises(FaultRefused, match=name):
            LOST_SERVICE.inject(web.arena, LostService(service=name))
        assert len(web.undos) == undos
