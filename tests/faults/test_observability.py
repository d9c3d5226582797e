"""Errors without a crash, and a death with last words, done to the shop's storefront on an embedded cluster."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from chaos import recover
from chaos.faults.error_rate import ERROR_RATE, ErrorRate
from chaos.faults.kind import FaultRefused, pod_path
from chaos.faults.pod_death import POD_DEATH, PodDeath
from chaos.journal import Undo
from chaos.kube import Kube, KubeError, Obj, Refused
from chaos.monitoring import Backend, logs
from tests.faults.stage import Stage, deployment, embedded, stage

pytestmark = pytest.mark.root
SERVER: Obj = {
    "name": "web",
    "image": "python:3.12-slim",
    "command": ["python3", "-m", "http.server", "8080"],
    "ports": [{"containerPort": 8080}],
    "securityContext": {"runAsUser": 10001, "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}},
}
WORKLOADS = Path(__file__).parents[2] / "scenarios" / "workloads"
PATIENCE_SECONDS = 15.0


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


def objects(file: str, *names: str) -> list[Obj]:
    """What a workload file says of some apps, network policies and budgets aside; what runs comes last."""
    kinds = ("Deployment", "Service", "ServiceAccount", "ConfigMap", "Role", "RoleBinding", "PersistentVolumeClaim")
    found = [o for o in yaml.safe_load_all((WORKLOADS / file).read_text()) if o and o["kind"] in kinds]
    return sorted((o for o in found if o["metadata"]["name"] in names), key=lambda o: bool(o["kind"] == "Deployment"))


def storefront(replicas: int) -> list[Obj]:
    found = objects("shop-source.yaml", "shop-source") + objects("shop.yaml", "storefront", "catalog")
    for obj in found:
        if obj["kind"] == "Deployment":
            obj["spec"]["replicas"] = replicas if obj["metadata"]["name"] == "storefront" else 1
    return found


@pytest.fixture
def shop(kube: Kube) -> Iterator[Stage]:
    with stage(kube, storefront(2), "deployment/storefront", pods=2) as found:
        soon(lambda: answer(found, next(iter(found.arena.view.pods("deployment/storefront")))) == 200)
        yield found


def soon(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def answer(shop: Stage, pod: str) -> int:
    """The status of a page, straight from a pod."""
    try:
        shop.kube.request("GET", f"{pod_path(shop.arena, pod)}:8080/proxy/", accept="*/*")
    except KubeError as error:
        cause = error if isinstance(error, Refused) else error.__cause__
        return cause.code if isinstance(cause, Refused) else 0
    return 200


def share(shop: Stage, pod: str) -> Any:
    return shop.kube.json("GET", f"{pod_path(shop.arena, pod)}:8080/proxy/chaos/status")["errors"]


class TestErrorRate:
    def test_every_pod_fails_its_share_and_stays_ready_and_the_undo_ends_it(self, shop: Stage) -> None:
        params = ErrorRate.model_validate({"share": "50%"})
        injuries = ERROR_RATE.inject(shop.arena, params)
        pods = [injury.target for injury in injuries]
        assert len(pods) == 2
        for injury in injuries:
            assert sorted({answer(shop, injury.target) for _ in range(4)}) == [200, 500]
            assert ERROR_RATE.witness(shop.arena, params, injury).ok
        assert all(shop.arena.view.of("Pod")[pod]["ready"] for pod in pods)
        for injury in injuries:
            assert injury.undo is not None
            recover.carry_out(shop.kube, shop.undos[injury.undo], shop.run)
        assert [share(shop, pod) for pod in pods] == [0, 0]
        assert {answer(shop, pod) for pod in pods for _ in range(4)} == {200}
        assert sorted(shop.arena.view.pods("deployment/storefront")) == sorted(pods), "no pod was replaced for it"

    def test_a_share_of_nothing_does_not_bite_and_the_witness_says_so(self, shop: Stage) -> None:
        params = ErrorRate.model_validate({"share": "0%"})
        for injury in ERROR_RATE.inject(shop.arena, params):
            looks = [ERROR_RATE.witness(shop.arena, params, injury) for _ in range(2)]
            assert not any(look.ok for look in looks)

    def test_a_pod_that_does_not_take_the_undo_is_replaced(self, shop: Stage) -> None:
        pod = next(iter(shop.arena.view.pods("deployment/storefront")))
        path = pod_path(shop.arena, pod)
        uid = shop.kube.get(path)["metadata"]["uid"]
        undo = Undo(action="ask-pod", path=path, uid=uid, endpoint="8080/no-such-thing")
        recover.carry_out(shop.kube, Undo(action="ask-pod", path=path, uid="another", endpoint=undo.endpoint), "x")
        assert shop.kube.get(path)["metadata"]["uid"] == uid
        recover.carry_out(shop.kube, undo, shop.run)
        soon(lambda: pod not in shop.arena.view.pods("deployment/storefront"))
        recover.carry_out(shop.kube, undo, shop.run)

    def test_an_app_without_the_endpoint_is_refused(self, kube: Kube) -> None:
        with stage(kube, [deployment(containers=[SERVER])]) as web:
            soon(lambda: answer(web, next(iter(web.arena.view.pods("deployment/web")))) == 200)
            undos = len(web.undos)
            with pytest.raises(FaultRefused, match="/chaos/"):
                ERROR_RATE.inject(web.arena, ErrorRate())
            assert len(web.undos) == undos, "nothing was done, so there is nothing to undo"
            assert len(web.arena.view.pods("deployment/web")) == 1


class TestPodDeath:
    def test_the_pod_and_its_log_are_gone_and_a_store_of_logs_still_has_its_last_words(self, kube: Kube) -> None:
        *others, binding = sorted(
            objects("shop-logs.yaml", "log-store"), key=lambda o: bool(o["kind"] == "RoleBinding")
        )
        with stage(kube, storefront(1) + others, "deployment/storefront", pods=1) as shop:
            binding["subjects"][0]["namespace"] = shop.arena.namespace
            kube.create(binding, shop.arena.namespace)
            soon(lambda: any(pod["ready"] for pod in shop.arena.view.pods("deployment/log-store").values()))
            (injury,) = POD_DEATH.inject(shop.arena, PodDeath())
            words = injury.data["last_words"]
            soon(lambda: POD_DEATH.witness(shop.arena, PodDeath(), injury).ok)
            store = Backend(kube, shop.arena.namespace, "log-store", "8080")
            soon(lambda: logs(store, "find?text={words}", words)[1]["found"])
            said, facts = logs(store, "find?text={words}", "words that nobody said")
            assert (facts["store"], facts["found"]) == (True, False), said

    def test_where_the_app_says_nothing_a_shell_writes_its_last_line(self, kube: Kube) -> None:
        with stage(kube, [deployment(containers=[SERVER])]) as web:
            (injury,) = POD_DEATH.inject(web.arena, PodDeath())
            soon(lambda: POD_DEATH.witness(web.arena, PodDeath(), injury).ok)
        assert injury.data["last_words"] in injury.detail

    def test_where_the_line_does_not_come_to_the_log_the_pod_lives(self, kube: Kube) -> None:
        closed = {**SERVER, "command": ["sh", "-c", "exec > /dev/null; exec sleep 600"]}
        with stage(kube, [deployment(containers=[closed])]) as web:
            with pytest.raises(FaultRefused, match="its log does not show it"):
                POD_DEATH.inject(web.arena, PodDeath())
            assert len(web.arena.view.pods("deployment/web")) == 1

    def test_without_a_store_the_answer_is_that_there_is_none(self, kube: Kube, shop: Stage) -> None:
        nobody = Backend(kube, shop.arena.namespace, "log-store", "8080")
        assert logs(nobody, "find?text={words}", "x")[1] == {"words": "x", "store": False, "found": False}

    def test_while_the_pod_lives_the_witness_sees_no_death(self, shop: Stage) -> None:
        injury = POD_DEATH.inject(shop.arena, PodDeath())[0]
        survivor = next(pod for pod in shop.arena.view.pods("deployment/storefront") if pod != injury.target)
        alive = POD_DEATH.witness(shop.arena, PodDeath(), type(injury)(target=survivor, detail="", undo=None))
        assert not alive.ok
        assert "still there" in alive.detail
