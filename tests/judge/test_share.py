"""When a share of the processor was kept beside a hog, when it was not, and when nobody can say."""

from dataclasses import replace

import pytest

from chaos.judging.verdict import Criterion
from chaos.recording import Fault, Seen
from tests.judge.tape import TARGET, Tape, pod, terminated

PODS = ("storefront-a", "storefront-b", "storefront-c")


def hog(cpu: float | None = 0.05, saw: float = 22.0) -> Tape:
    """A hog that was seen to burn from `saw` on, beside three pods that ask for `cpu` cores each."""
    tape = Tape("resources", keys={"fault": {"cpu-hog": {}}}).calm()
    for name in PODS:
        asking = pod(uid="uid-storefront" if name == TARGET else f"uid-{name[-1]}")
        asking["containers"][0]["cpu_request"] = cpu
        tape.see(9, "Pod", name, **asking)
    data = {"node": "node-1", "pods": dict.fromkeys(PODS, "uid")}
    tape.add(Fault, 20.5, fault="cpu-hog", step="inject", ok=True, target="hog", detail="", data=data)
    for t in range(int(saw), 45):
        detail = "the hog burned 1.20 of 2 cores in its last second"
        tape.add(Fault, t, fault="cpu-hog", step="witness", ok=True, target="hog", detail=detail, data={"cores": 1.2})
    return tape


def criterion(tape: Tape, name: str) -> Criterion:
    return next(c for c in tape.verdict().criteria if c.name == name)


def kept(tape: Tape) -> Criterion:
    return criterion(tape, "share kept")


class TestKept:
    """What was asked for is what users got it from."""

    def test_held_where_it_was_asked_for_and_users_were_served(self) -> None:
        tape = hog()
        assert "each pod of deployment/storefront asks for 50m; beside the hog: " in kept(tape).text
        assert [(e.t, e.text) for e in kept(tape).evidence] == [
            (22.0, "the hog burned 1.20 of 2 cores in its last second; so it was at 23 of 23 looks")
        ]
        assert tape.verdict().verdict == "held"

    @pytest.mark.parametrize("cpu", [None, 0.0])
    def test_broke_where_nobody_asked_and_users_were_failed(self, cpu: float | None) -> None:
        tape = hog(cpu)
        tape.failing.update(dict.fromkeys(range(22, 45), 20))
        assert kept(tape).verdict == "broke"
        assert "asks for no processor time (container storefront)" in kept(tape).text

    def test_broke_where_what_was_asked_for_is_too_little(self) -> None:
        tape = hog()
        tape.failing.update(dict.fromkeys(range(22, 45), 20))
        assert kept(tape).verdict == "broke"
        assert "asks for 50m, and beside the hog users got" in kept(tape).text

    def test_a_share_that_is_kept_only_now_and_then_is_not_kept(self) -> None:
        tape = hog()
        tape.failing.update({25: 20, 30: 20, 35: 20})
        assert kept(tape).verdict == "broke"

    def test_luck_is_no_proof(self) -> None:
        """Without a request users may be served as well, as long as nobody else wants the time."""
        tape = hog(0.0)
        assert kept(tape).verdict == "not_proven"
        assert tape.verdict().verdict == "not_proven"

    def test_a_hog_that_tired_early_proves_nothing(self) -> None:
        tape = hog()
        tape.records = [replace(r, ok=r.t < 30) if isinstance(r, Fault) else r for r in tape.records]
        assert kept(tape).verdict == "not_proven"
        assert "burned at 8 of 23 looks" in kept(tape).text

    def test_what_happens_before_the_hog_burns_is_not_its_doing(self) -> None:
        tape = hog(saw=30)
        tape.failing.update(dict.fromkeys(range(21, 27), 20))
        assert kept(tape).verdict == "held"

    def test_a_hog_that_nobody_saw_burn_proves_nothing(self) -> None:
        tape = hog(saw=45)
        assert tape.verdict().verdict == "not_proven"
        assert not tape.verdict().criteria


class TestKeptRunning:
    """Starved probes kill what is well."""

    def test_held_where_nobody_ended(self) -> None:
        assert criterion(hog(), "kept running").verdict == "held"

    @pytest.mark.parametrize("reason", ["Completed", "Error", "OOMKilled"])
    def test_broke_by_any_ending_of_the_target(self, reason: str) -> None:
        tape = hog()
        tape.pod(30, restarts=1, last=terminated(reason))
        found = criterion(tape, "kept running")
        assert found.verdict == "broke"
        assert found.evidence[0].text == f"container storefront ended: {reason}, exit code 137"

    def test_a_liveness_kill_is_told_by_its_event(self) -> None:
        tape = hog()
        tape.event(29, "Killing", "Container storefront failed liveness probe, will be restarted")
        tape.pod(30, restarts=1, last=terminated("Completed", 0))
        found = criterion(tape, "kept running")
        assert found.text == (
            "containers of deployment/storefront ended 1 time beside the hog; "
            "1 by a liveness probe that got no answer in time"
        )
        assert [e.t for e in found.evidence] == [29, 30]

    def test_a_target_that_nobody_saw_proves_nothing(self) -> None:
        tape = hog()
        tape.records = [r for r in tape.records if not (isinstance(r, Seen) and r.name in PODS)]
        assert criterion(tape, "kept running").verdict == "not_proven"
        assert kept(tape).verdict == "not_proven"


def test_a_neighbour_that_is_restarted_is_harm() -> None:
    tape = hog()
    tape.pod(30, "newsletter-n", "newsletter", restarts=1, last=terminated("Error"))
    assert criterion(tape, "neighbours unharmed").verdict == "broke"


def test_users_failed_by_pods_that_call_themselves_ready_were_lied_to() -> None:
    tape = hog(0.0)
    tape.failing.update(dict.fromkeys(range(22, 32), 20))
    cost = tape.only().impact
    assert cost is not None
    assert cost.lie_time == 10
