"""When requests and limits held, when they broke, and when nobody can say."""

import pytest

from chaos.judging.verdict import Criterion, VerdictName
from chaos.recording import Seen
from tests.judge.tape import TARGET, Tape, oom, pod, spill, terminated


def criterion(tape: Tape, name: str) -> Criterion:
    return next(c for c in tape.verdict().criteria if c.name == name)


def without_target(tape: Tape) -> Tape:
    """The storm without what happened to its target after the fault."""
    tape.records = [r for r in tape.records if not (isinstance(r, Seen) and r.name == TARGET and r.t > 20)]
    return tape


class TestContained:
    """The leaking container is stopped at its own limit."""

    def test_held_by_an_oom_kill_at_its_limit(self) -> None:
        found = criterion(oom(), "contained")
        assert found.verdict == "held"
        assert "OOMKilled at its limit of 128Mi" in found.text
        assert [(e.t, e.text) for e in found.evidence] == [(24, "OOMKilled, exit code 137")]

    def test_held_when_only_the_restart_was_seen(self) -> None:
        """The kubelet restarts at once: a watch may show the end only as `last`."""
        tape = without_target(oom())
        tape.pod(26, restarts=1, last=terminated("OOMKilled"))
        assert criterion(tape, "contained").verdict == "held"

    def test_yesterdays_oom_is_not_todays(self) -> None:
        tape = without_target(oom())
        tape.pod(26, restarts=0, last=terminated("OOMKilled"))
        assert criterion(tape, "contained").verdict == "not_proven"

    @pytest.mark.parametrize("reason", ["Error", "Completed", "ContainerCannotRun"])
    def test_exit_code_137_alone_is_no_oom_kill(self, reason: str) -> None:
        """A liveness kill ends in 137 too."""
        tape = without_target(oom())
        tape.pod(26, restarts=1, last=terminated(reason))
        found = criterion(tape, "contained")
        assert found.verdict == "not_proven"
        assert f"{reason}, exit code 137" in found.text

    def test_a_limit_that_was_never_reached_proves_nothing(self) -> None:
        found = criterion(without_target(oom()), "contained")
        assert found.verdict == "not_proven"
        assert "was not OOMKilled while the run lasted" in found.text

    def test_broke_without_a_limit(self) -> None:
        found = criterion(spill(), "contained")
        assert found.verdict == "broke"
        assert "no memory limit" in found.text

    def test_broke_when_the_node_killed_a_container_without_limit(self) -> None:
        tape = spill()
        tape.pod(30, ready=False, state=terminated("OOMKilled"), limit=None)
        found = criterion(tape, "contained")
        assert found.verdict == "broke"
        assert "killed for the node's sake" in found.text

    def test_an_oom_kill_of_another_pod_by_that_name_is_not_this_ones(self) -> None:
        tape = without_target(oom())
        tape.pod(26, restarts=1, last=terminated("OOMKilled"), uid="another")
        assert criterion(tape, "contained").verdict == "not_proven"


class TestNeighbours:
    """Nobody but the target is hurt."""

    def test_held_when_nothing_happened_to_them(self) -> None:
        found = criterion(oom(), "neighbours unharmed")
        assert found.verdict == "held"
        assert "none of 3 other pods" in found.text

    def test_broke_by_the_innocent_neighbours_oom_kill(self) -> None:
        found = criterion(spill(), "neighbours unharmed")
        assert found.verdict == "broke"
        assert "newsletter-n" in found.text
        assert any("OOMKilled, exit code 137" in e.text for e in found.evidence)

    @pytest.mark.parametrize(
        ("name", "app", "keys"),
        [
            ("newsletter-n", "newsletter", {"restarts": 1, "last": terminated("Error", 1)}),
            ("newsletter-n", "newsletter", {"phase": "Failed", "reason": "Evicted"}),
            ("newsletter-n", "newsletter", {"ready": False}),
            ("newsletter-n", "newsletter", {"deleting": True}),
            ("storefront-b", "storefront", {"ready": False, "state": terminated("OOMKilled")}),
        ],
    )
    def test_broke_by(self, name: str, app: str, keys: dict[str, object]) -> None:
        """A restart, an eviction, a bystander unready, a removal; also of the target's own sisters."""
        tape = oom()
        tape.pod(27, name, app, **keys)
        assert criterion(tape, "neighbours unharmed").verdict == "broke"
        assert tape.verdict().verdict == "broke"

    def test_a_restart_from_before_the_fault_is_no_harm(self) -> None:
        tape = oom()
        tape.pod(15, "newsletter-n", "newsletter", restarts=3, last=terminated("OOMKilled"))
        tape.pod(27, "newsletter-n", "newsletter", restarts=3, last=terminated("OOMKilled"), labels={"a": "b"})
        assert tape.verdict().verdict == "held"

    def test_what_happens_after_the_run_is_no_harm(self) -> None:
        """The run removes its own pods when it is done."""
        tape = oom()
        tape.pod(60.5, "newsletter-n", "newsletter", deleting=True)
        assert tape.verdict().verdict == "held"

    def test_a_job_that_ends_well_is_no_harm(self) -> None:
        tape = oom()
        tape.pod(15, "report-x", "report")
        tape.pod(27, "report-x", "report", phase="Succeeded", ready=False, state=terminated("Completed", 0))
        assert criterion(tape, "neighbours unharmed").verdict == "held"

    def test_broke_by_memory_pressure_on_their_node(self) -> None:
        tape = oom()
        tape.node(27, "True")
        assert criterion(tape, "neighbours unharmed").verdict == "broke"

    def test_pressure_on_a_foreign_node_is_none_of_ours(self) -> None:
        tape = oom()
        conditions = {"MemoryPressure": {"status": "True", "reason": ""}}
        tape.see(27, "Node", "node-2", conditions=conditions)
        assert tape.verdict().verdict == "held"

    def test_broke_by_a_system_oom(self) -> None:
        tape = oom()
        tape.event(27, "SystemOOM", "System OOM encountered, victim process: python3", "Node/node-1")
        assert criterion(tape, "neighbours unharmed").verdict == "broke"

    def test_a_node_that_told_nothing_is_no_proof(self) -> None:
        tape = oom()
        tape.records = [r for r in tape.records if not (isinstance(r, Seen) and r.resource == "Node")]
        found = criterion(tape, "neighbours unharmed")
        assert found.verdict == "not_proven"
        assert "node node-1 told nothing" in found.text

    def test_a_bystander_that_was_never_seen_is_no_proof(self) -> None:
        tape = oom()
        tape.records = [r for r in tape.records if not (isinstance(r, Seen) and r.name == "newsletter-n")]
        found = criterion(tape, "neighbours unharmed")
        assert found.verdict == "not_proven"
        assert "deployment/newsletter" in found.text


class TestCameBack:
    """The target serves again, and users get what they were promised."""

    def test_held_with_its_time(self) -> None:
        found = criterion(oom(), "came back")
        assert found.verdict == "held"
        assert "Ready again 2.0 s after the kill" in found.text

    def test_broke_when_it_took_too_long(self) -> None:
        tape = without_target(oom())
        tape.pod(24, ready=False, state=terminated("OOMKilled"))
        tape.pod(41, restarts=1, last=terminated("OOMKilled"))
        found = criterion(tape, "came back")
        assert found.verdict == "broke"
        assert "17.0 s after the kill, not within 15 s" in found.text

    def test_the_scenarios_own_bound_counts(self) -> None:
        expect = {"defended": {"resources": "held", "recover": "<= 1s"}}
        assert criterion(oom(keys={"expect": expect}), "came back").verdict == "broke"

    def test_broke_in_a_crash_loop(self) -> None:
        """Back once, then down again at the end."""
        tape = oom()
        waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
        tape.pod(50, ready=False, restarts=1, state=terminated("OOMKilled"))
        tape.pod(51, ready=False, restarts=1, state=waiting, last=terminated("OOMKilled"))
        assert criterion(tape, "came back").verdict == "broke"

    def test_broke_when_users_are_still_failed_in_the_recovery(self) -> None:
        tape = oom()
        tape.failing.update(dict.fromkeys(range(46, 58), 5))
        found = criterion(tape, "came back")
        assert found.verdict == "broke"
        assert "availability" in found.text

    def test_not_tried_when_it_never_went_away(self) -> None:
        assert criterion(without_target(oom()), "came back").verdict == "not_proven"


@pytest.mark.parametrize(("tape", "verdict"), [(oom(), "held"), (spill(), "broke")])
def test_the_worst_criterion_decides(tape: Tape, verdict: VerdictName) -> None:
    assert tape.verdict().verdict == verdict


def test_two_targets_are_as_good_as_the_worse() -> None:
    tape = oom()
    tape.inject(target="storefront-b")
    tape.witness(target="storefront-b")
    data = pod(uid="uid-storefront")
    tape.see(19, "Pod", "storefront-b", **data)
    assert criterion(tape, "contained").verdict == "not_proven"
