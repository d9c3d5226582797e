"""When traffic waited for new pods to be warm, when it did not, and when nobody can say."""

from typing import Any

import pytest

from chaos.judging.verdict import Criterion
from chaos.recording import Fault
from tests.judge.tape import INJECTED, Tape

APP = "deployment/storefront"
OLD, NEW = ("storefront-a", "storefront-b", "storefront-c"), ("storefront-x", "storefront-y", "storefront-z")


def look(tape: Tape, t: float, pod: str, *, served: bool = False, ago: float = 0.1) -> None:
    """The witness's word at `t`: it asked the pod `ago` seconds earlier."""
    looks = [{"pod": pod, "served": served, "ago": ago}]
    tape.add(Fault, t, fault="cold-start", step="witness", ok=not served, target=APP, detail="", data={"looks": looks})


def cold_start(**keys: Any) -> Tape:
    """Three pods are replaced, one after the other; each new one is cold for three seconds, and gets traffic after."""
    tape = Tape("health-checks", keys={"fault": {"cold-start": {}}, **keys}).calm()
    old = ["uid-storefront", "uid-b", "uid-c"]
    data = {"old": old, "warm": []}
    tape.add(Fault, INJECTED, fault="cold-start", step="inject", ok=True, target=APP, detail="", data=data)
    serving = list(OLD)
    for n, pod in enumerate(NEW):
        begins = 21 + 5 * n
        tape.pod(begins, pod, uid=f"uid-{pod}", ready=False)
        look(tape, begins + 1, pod)
        look(tape, begins + 2.5, pod)
        tape.pod(begins + 3.4, pod, uid=f"uid-{pod}")
        serving = [*serving, pod]
        tape.endpoints(begins + 3.5, *serving)
        look(tape, begins + 3.6, pod, served=True)
        serving = serving[1:]
        tape.endpoints(begins + 3.7, *serving)
        tape.see(begins + 4.4, "Pod", OLD[n], "DELETED", app=APP, uid=old[n])
    return tape


def criterion(tape: Tape, name: str) -> Criterion:
    verdict = tape.verdict()
    assert not verdict.reasons
    return next(c for c in verdict.criteria if c.name == name)


def test_held_when_no_pod_got_traffic_before_it_served() -> None:
    tape = cold_start()
    assert {c.name: c.verdict for c in tape.verdict().criteria} == {
        "waited": "held",
        "users served": "held",
        "rolled out": "held",
    }
    assert "6 times a new pod was asked and did not serve (3 pods)" in criterion(tape, "waited").text


class TestWaited:
    def test_broke_when_a_pod_was_a_ready_endpoint_before_the_look_and_after_it(self) -> None:
        tape = cold_start()
        tape.endpoints(21.5, *OLD, NEW[0])
        found = criterion(tape, "waited")
        assert found.verdict == "broke"
        assert found.text == "storefront sent traffic to 1 pod while it did not serve"

    @pytest.mark.parametrize("published", [23.45, 23.5])
    def test_one_that_became_an_endpoint_during_the_look_may_have_been_warm_by_then(self, published: float) -> None:
        """It was asked at 23.4, and the answer noted at 23.5."""
        tape = cold_start()
        tape.endpoints(published, *OLD, NEW[0])
        assert criterion(tape, "waited").verdict == "held"

    def test_one_that_left_during_the_look_may_have_left_before_it(self) -> None:
        tape = cold_start()
        tape.endpoints(22.5, *OLD, NEW[0])
        tape.endpoints(23.45, *OLD)
        assert criterion(tape, "waited").verdict == "held"

    def test_the_endpoints_of_another_service_are_not_those_of_the_users(self) -> None:
        tape = cold_start()
        tape.see(21.5, "EndpointSlice", "other-x", service="other", ready=[NEW[0]], not_ready=[])
        assert criterion(tape, "waited").verdict == "held"

    def test_an_app_that_nobody_saw_cold_proves_nothing(self) -> None:
        tape = cold_start()
        tape.records = [r for r in tape.records if not (isinstance(r, Fault) and r.step == "witness" and r.ok)]
        assert tape.verdict().verdict == "not_proven"
        assert "nobody saw cold-start bite" in tape.verdict().reasons[0].text


def test_users_who_lose_requests_to_a_planned_change_are_not_served_though_they_recover() -> None:
    tape = cold_start()
    tape.failing.update(dict.fromkeys(range(22, 25), 13))
    assert criterion(tape, "users served").verdict == "broke"


class TestRolledOut:
    @pytest.mark.parametrize(("bound", "verdict"), [("15s", "broke"), ("24.6s", "not_proven")])
    def test_not_over_is_broke_only_after_the_time_to_recover(self, bound: str, verdict: str) -> None:
        tape = cold_start(expect={"defended": {"recover": f"<= {bound}"}})
        tape.pod(44, OLD[2], uid="uid-c")
        found = criterion(tape, "rolled out")
        assert found.verdict == verdict
        assert "and 1 of the old were left" in found.text

    def test_new_pods_that_are_not_ready_are_no_end(self) -> None:
        tape = cold_start()
        tape.pod(44, NEW[2], uid=f"uid-{NEW[2]}", ready=False)
        assert criterion(tape, "rolled out").verdict == "broke"
