"""When health checks told the truth, when they lied, and when nobody can say."""

from chaos.judging.steady import served
from chaos.judging.verdict import Criterion
from chaos.recording import Record, Seen
from tests.judge.tape import TARGET, Tape, hang, lie, terminated


def criterion(tape: Tape, name: str) -> Criterion:
    return next(c for c in tape.verdict().criteria if c.name == name)


def without(tape: Tape, resource: str, after: float = 20, name: str = "") -> Tape:
    def unwanted(r: Record) -> bool:
        return isinstance(r, Seen) and r.resource == resource and r.t > after and r.name.startswith(name)

    tape.records = [r for r in tape.records if not unwanted(r)]
    return tape


def test_held_when_all_three_are_seen() -> None:
    verdict = hang().verdict()
    assert verdict.verdict == "held"
    assert [c.verdict for c in verdict.criteria] == ["held"] * 3


def test_broke_when_nobody_noticed() -> None:
    """Also though the run itself removes the pod in the end: that is no merit of the probes."""
    verdict = lie().verdict()
    assert verdict.verdict == "broke"
    assert [c.verdict for c in verdict.criteria] == ["broke"] * 3


class TestNoticed:
    """The hung pod leaves the ready endpoints in time, and an event says why."""

    def test_tells_when_and_why(self) -> None:
        found = criterion(hang(), "noticed")
        assert "left the endpoints after 3.0 s" in found.text
        assert [e.source for e in found.evidence] == ["Event", "EndpointSlice"]

    def test_broke_when_too_late(self) -> None:
        found = criterion(hang(keys={"expect": {"defended": {"health-checks": "held", "detect": "<= 2s"}}}), "noticed")
        assert found.verdict == "broke"
        assert "not within 2 s" in found.text

    def test_unexplained_is_unproven(self) -> None:
        found = criterion(without(hang(), "Event", name="Unhealthy"), "noticed")
        assert found.verdict == "not_proven"
        assert "no Unhealthy event" in found.text

    def test_an_event_from_before_the_fault_explains_nothing(self) -> None:
        tape = without(hang(), "Event", name="Unhealthy")
        tape.event(18, "Unhealthy", "Readiness probe failed: connection refused")
        assert criterion(tape, "noticed").verdict == "not_proven"

    def test_an_event_about_another_pod_explains_nothing(self) -> None:
        tape = without(hang(), "Event", name="Unhealthy")
        tape.event(22, "Unhealthy", "Readiness probe failed", "Pod/storefront-b")
        assert criterion(tape, "noticed").verdict == "not_proven"

    def test_a_pod_that_was_no_endpoint_cannot_leave(self) -> None:
        tape = without(hang(), "EndpointSlice", after=0)
        assert criterion(tape, "noticed").verdict == "not_proven"

    def test_every_slice_of_the_service_counts(self) -> None:
        """Gone from one slice, still in another: not gone."""
        tape = hang()
        tape.see(9, "EndpointSlice", "storefront-y", service="storefront", ready=[TARGET], not_ready=[])
        assert criterion(tape, "noticed").verdict == "broke"

    def test_slices_of_other_services_do_not_count(self) -> None:
        tape = hang()
        tape.see(9, "EndpointSlice", "admin-y", service="admin", ready=[TARGET], not_ready=[])
        assert criterion(tape, "noticed").verdict == "held"


class TestRestarted:
    """Liveness, and nothing else, restarts the container, and the pod is Ready again in time."""

    def test_a_restart_that_nobody_claims_is_unproven(self) -> None:
        found = criterion(without(hang(), "Event", name="Killing"), "restarted")
        assert found.verdict == "not_proven"
        assert "no Killing event" in found.text

    def test_a_killing_for_another_reason_is_not_livenesss(self) -> None:
        tape = without(hang(), "Event", name="Killing")
        tape.event(26, "Killing", "Stopping container storefront")
        assert criterion(tape, "restarted").verdict == "not_proven"

    def test_an_oom_kill_is_no_merit_of_the_probe(self) -> None:
        tape = without(hang(), "Pod")
        tape.pod(28, ready=False, state=terminated("OOMKilled"))
        tape.pod(30, restarts=1, last=terminated("OOMKilled"))
        found = criterion(tape, "restarted")
        assert found.verdict == "broke"
        assert "ended by its memory" in found.text

    def test_broke_when_it_never_restarted(self) -> None:
        """Readiness alone: out of the endpoints, and hung for ever."""
        tape = without(without(hang(), "Pod"), "Event", name="Killing")
        found = criterion(tape, "restarted")
        assert found.verdict == "broke"
        assert "had not restarted" in found.text

    def test_broke_when_not_ready_again(self) -> None:
        tape = without(hang(), "Pod", after=29.5)
        found = criterion(tape, "restarted")
        assert found.verdict == "broke"
        assert "not Ready again" in found.text

    def test_broke_when_ready_too_late(self) -> None:
        expect = {"defended": {"health-checks": "held", "recover": "<= 8s"}}
        found = criterion(hang(keys={"expect": expect}), "restarted")
        assert found.verdict == "broke"
        assert "after 9.5 s, not within 8 s" in found.text

    def test_what_comes_after_the_fault_phase_is_the_runs_own_doing(self) -> None:
        tape = without(hang(), "Pod")
        tape.pod(46, restarts=1, last=terminated("Error"))
        assert criterion(tape, "restarted").verdict == "broke"


class TestUsers:
    """Users get their steady state back while the fault is still there."""

    def test_tells_after_how_long(self) -> None:
        found = criterion(hang(), "users served")
        assert found.verdict == "held"
        assert "4.2 s after the fault" in found.text

    def test_broke_when_it_came_back_too_late(self) -> None:
        tape = hang()
        tape.failing.update(dict.fromkeys(range(20, 38), 13))
        found = criterion(tape, "users served")
        assert found.verdict == "broke"
        assert "not within 15 s" in found.text

    def test_a_single_lost_request_later_on_is_no_relapse(self) -> None:
        tape = hang()
        tape.failing[40] = 1
        assert criterion(tape, "users served").verdict == "held"

    def test_a_second_outage_is_one(self) -> None:
        tape = hang()
        tape.failing[38] = 10
        assert criterion(tape, "users served").verdict == "broke"

    def test_slow_answers_are_no_steady_state(self) -> None:
        """Availability alone does not make users happy; unanswered requests count as slow as can be."""
        past, wanted = lie().past()
        assert served(past.within("fault"), wanted.timeout).p95 == 1000

    def test_users_who_never_noticed_are_served(self) -> None:
        tape = hang()
        tape.failing.clear()
        found = criterion(tape, "users served")
        assert found.verdict == "held"
        assert "0.0 s after the fault" in found.text

    def test_a_fault_too_short_to_tell_is_unproven(self) -> None:
        tape = lie(keys={"expect": {"defended": {"health-checks": "held", "recover": "<= 40s"}}})
        found = criterion(tape, "users served")
        assert found.verdict == "not_proven"
        assert "too short" in found.text
