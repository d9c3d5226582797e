"""When health checks left the target alone while its dependency was slow, when not, and when nobody can say."""

from typing import Any

import pytest

from chaos.judging.verdict import Criterion
from chaos.recording import Fault
from tests.judge.tape import INJECTED, Tape, terminated

SERVICE = "Service/ledger"
PODS = tuple(f"storefront-{letter}" for letter in "abc")
WELL = 45


def slow(*, behind: tuple[str, ...] = ("ledger-0",), noticed: bool = True, **keys: Any) -> Tape:
    """A database that is slow from 20.5 s to 45 s: the pods are not Ready meanwhile, and nobody is restarted."""
    keys = {"fault": {"latency": {"services": ["ledger"], "delay": "2s"}}, **keys}
    tape = Tape("health-checks", keys=keys).calm()
    tape.pod(8, "ledger-0", "ledger")
    for t, step in ((INJECTED, "inject"), (22.5, "witness")):
        data = {"pods": list(behind)} if step == "inject" else {}
        tape.add(Fault, t, fault="latency", step=step, ok=True, target=SERVICE, detail="slow", data=data)
    if noticed:
        tape.event(21.5, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
        tape.failing.update(dict.fromkeys(range(22, WELL + 2), 40))
    return tape


def restarted(tape: Tape, t: float, *names: str, reason: str = "Completed", waits: bool = False, **keys: Any) -> None:
    """Their container ended; it runs again, or waits for that."""
    state = {"waiting": {"reason": "CrashLoopBackOff"}} if waits else {"running": {}}
    for name in names:
        uid = "uid-storefront" if name == "storefront-a" else f"uid-{name[-1]}"
        tape.pod(t, name, uid=uid, ready=False, restarts=1, state=state, last=terminated(reason, 0), **keys)


def killed(tape: Tape, t: float, *names: str, probe: str = "liveness", waits: bool = False) -> None:
    for name in names:
        tape.event(t, "Killing", f"Container storefront failed {probe} probe, will be restarted", f"Pod/{name}")
    restarted(tape, t + 1, *names, waits=waits)


def criterion(tape: Tape, name: str) -> Criterion:
    verdict = tape.verdict()
    assert not verdict.reasons
    return next(c for c in verdict.criteria if c.name == name)


def test_held_when_nothing_was_restarted_and_users_are_back_with_the_dependency() -> None:
    tape = slow()
    assert tape.verdict().verdict == "held"
    assert "though the slowness reached it" in criterion(tape, "left alone").text
    assert [e.source for e in criterion(tape, "left alone").evidence[:2]] == ["fault", "Pod/storefront-a"]
    assert "back 2.8 s after the dependency" in criterion(tape, "back with its dependency").text


class TestLeftAlone:
    @pytest.mark.parametrize("probe", ["liveness", "startup"])
    def test_broke_by_the_kubelets_word_that_a_probe_ended_it(self, probe: str) -> None:
        tape = slow()
        killed(tape, 23, *PODS[:2], probe=probe)
        found = criterion(tape, "left alone")
        assert (found.verdict, len(found.evidence)) == ("broke", 2)
        assert "in 2 of 3 pods of deployment/storefront" in found.text

    def test_a_container_that_ran_out_of_memory_is_not_the_probes_doing(self) -> None:
        tape = slow()
        restarted(tape, 24, PODS[0], reason="OOMKilled")
        assert criterion(tape, "left alone").verdict == "held"

    def test_a_restart_that_no_event_claims_proves_nothing(self) -> None:
        tape = slow()
        restarted(tape, 24, PODS[0], reason="Error")
        assert criterion(tape, "left alone").verdict == "not_proven"

    def test_another_workloads_restart_is_not_the_targets(self) -> None:
        tape = slow()
        tape.event(23, "Killing", "Container newsletter failed liveness probe, will be restarted", "Pod/newsletter-n")
        assert criterion(tape, "left alone").verdict == "held"

    def test_one_before_the_fault_is_not_of_it(self) -> None:
        tape = slow()
        killed(tape, 15, PODS[0])
        assert criterion(tape, "left alone").verdict == "held"

    def test_what_nobody_noticed_was_not_tried(self) -> None:
        found = criterion(slow(noticed=False), "left alone")
        assert found.verdict == "not_proven"
        assert "so nothing was tried" in found.text

    def test_users_who_were_failed_are_notice_enough(self) -> None:
        """The best probes ask nothing of the dependency, and see nothing of it."""
        tape = slow(noticed=False)
        tape.failing.update(dict.fromkeys(range(22, 45), 20))
        assert criterion(tape, "left alone").verdict == "held"

    def test_the_targets_own_service_is_no_dependency_of_it(self) -> None:
        found = criterion(slow(behind=PODS), "left alone")
        assert found.verdict == "not_proven"
        assert "to nothing that it depends on" in found.text


class TestBack:
    NAME = "back with its dependency"

    def test_broke_when_pods_still_wait_for_their_restart(self) -> None:
        tape = slow()
        killed(tape, 40, *PODS, waits=True)
        found = criterion(tape, self.NAME)
        assert found.verdict == "broke"
        assert found.text.startswith("3 pods waited for their next restart")

    def test_a_pod_that_waits_for_another_reason_is_not_held_against_the_probes(self) -> None:
        tape = slow()
        restarted(tape, 40, PODS[0], reason="OOMKilled", waits=True)
        assert criterion(tape, self.NAME).verdict == "held"

    @pytest.mark.parametrize(("bound", "verdict"), [("9s", "broke"), ("11s", "held")])
    def test_within_the_time_to_recover_after_it_not_after_the_fault(self, bound: str, verdict: str) -> None:
        tape = slow(expect={"defended": {"recover": f"<= {bound}"}})
        tape.failing.update(dict.fromkeys(range(WELL, WELL + 10), 40))
        assert criterion(tape, self.NAME).verdict == verdict

    def test_users_who_are_not_back_when_the_watching_ends_prove_nothing_before_their_time_is_up(self) -> None:
        tape = slow(expect={"defended": {"recover": "<= 16s"}})
        tape.failing.update(dict.fromkeys(range(WELL, 61), 40))
        assert criterion(tape, self.NAME).verdict == "not_proven"
