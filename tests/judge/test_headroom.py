"""When a limit left room for real traffic, when it did not, and when nobody can say."""

from typing import Any

import pytest

from chaos.judging.verdict import Criterion
from chaos.recording import Fault, Seen
from tests.judge.tape import RUNNING, TARGET, Tape, terminated

PODS = ("storefront-a", "storefront-b", "storefront-c")
LOOP = {"waiting": {"reason": "CrashLoopBackOff"}}


def wave(variant: str = "defended", **keys: Any) -> Tape:
    """Six times the users from 20.5 s on, and nothing happens to anybody."""
    tape = Tape("resources", variant, keys={"fault": {"traffic-spike": {"times": 6}}, **keys}).calm()
    tape.inject(target="deployment/storefront", fault="traffic-spike")
    tape.witness(target="deployment/storefront")
    return tape


def drowned() -> Tape:
    """Two of three pods are OOMKilled at their limit, one of them again and again; users fail until the end."""
    tape = wave("undefended")
    for name in PODS[:2]:
        uid = "uid-storefront" if name == TARGET else "uid-b"
        tape.pod(22.5, name, uid=uid, ready=False, state=terminated("OOMKilled"))
        tape.pod(24, name, uid=uid, restarts=1, last=terminated("OOMKilled"))
    tape.pod(26, restarts=1, ready=False, state=terminated("OOMKilled"), last=terminated("OOMKilled"))
    tape.pod(27, restarts=1, ready=False, state=LOOP, last=terminated("OOMKilled"))
    tape.failing.update(dict.fromkeys(range(22, 60), 30))
    return tape


def criterion(tape: Tape, name: str) -> Criterion:
    return next(c for c in tape.verdict().criteria if c.name == name)


def fits(tape: Tape) -> Criterion:
    return criterion(tape, "fits under load")


class TestFits:
    """Every container stays below its own limit."""

    def test_held_where_nobody_was_killed(self) -> None:
        tape = wave()
        assert fits(tape).text == ("none of 3 containers of deployment/storefront was OOMKilled at its limit of 128Mi")
        assert tape.verdict().verdict == "held"

    def test_what_the_cluster_measured_is_shown_and_not_asked_for(self) -> None:
        tape = wave()
        assert fits(tape).evidence == ()
        for t, size in ((25, 70), (30, 90), (35, 80)):
            data = {"arrivals": 240.0, "memory": {"storefront-a/storefront": size * 2**20}}
            target = "deployment/storefront"
            tape.add(Fault, t, fault="traffic-spike", step="witness", ok=True, target=target, detail="", data=data)
        (seen,) = fits(tape).evidence
        assert (seen.t, seen.text) == (30, "storefront-a/storefront used 90Mi, the most that was measured")

    def test_broke_by_oom_kills_at_the_limit(self) -> None:
        found = fits(drowned())
        assert found.verdict == "broke"
        assert found.text == (
            "2 of 3 containers of deployment/storefront were OOMKilled at their limit of 128Mi, 3 times in all, "
            "first after 2.0 s, and ended in CrashLoopBackOff"
        )
        assert [(e.t, e.source) for e in found.evidence] == [
            (22.5, "Pod/storefront-a"),
            (22.5, "Pod/storefront-b"),
            (26, "Pod/storefront-a"),
        ]

    def test_yesterdays_kill_is_not_todays(self) -> None:
        tape = wave()
        tape.pod(9, restarts=3, last=terminated("OOMKilled"))
        tape.pod(30, restarts=3, last=terminated("OOMKilled"), labels={"new": "label"})
        assert fits(tape).verdict == "held"

    def test_one_kill_breaks_it_even_where_users_did_not_notice(self) -> None:
        tape = wave()
        tape.pod(30, restarts=1, last=terminated("OOMKilled"))
        assert fits(tape).verdict == "broke"
        assert criterion(tape, "users served").verdict == "held"

    def test_broke_where_there_is_no_limit(self) -> None:
        tape = wave()
        tape.pod(9, limit=None)
        assert fits(tape).verdict == "broke"
        assert "storefront of deployment/storefront has no memory limit" in fits(tape).text

    def test_who_is_killed_without_a_limit_was_killed_for_the_node(self) -> None:
        tape = wave()
        tape.pod(30, limit=None, restarts=1, last=terminated("OOMKilled"))
        assert "nothing but its node says how much it may take" in fits(tape).text
        assert [e.t for e in fits(tape).evidence] == [30]

    def test_who_ended_otherwise_did_not_show_that_it_fits(self) -> None:
        """A liveness kill gives the memory back."""
        tape = wave()
        tape.pod(30, restarts=1, last=terminated("Error"))
        assert fits(tape).verdict == "not_proven"

    def test_nothing_is_proven_of_a_target_that_nobody_saw(self) -> None:
        tape = wave()
        tape.records = [r for r in tape.records if not (isinstance(r, Seen) and r.name in PODS)]
        assert fits(tape).verdict == "not_proven"


class TestUsers:
    """They are served while they are many, and afterwards."""

    def test_held_where_they_are_well_within_the_time_to_recover(self) -> None:
        tape = wave()
        tape.failing.update({21: 20, 22: 10})
        assert criterion(tape, "users served").verdict == "held"

    @pytest.mark.parametrize("bad", [range(22, 45), range(50, 60)])
    def test_broke_where_they_are_not_or_the_recovery_brings_none(self, bad: range) -> None:
        tape = wave()
        tape.failing.update(dict.fromkeys(bad, 30))
        assert criterion(tape, "users served").verdict == "broke"


def test_a_neighbour_that_dies_of_it_is_harm() -> None:
    tape = wave()
    tape.pod(30, "newsletter-n", "newsletter", restarts=1, last=terminated("OOMKilled"), state=RUNNING)
    assert criterion(tape, "neighbours unharmed").verdict == "broke"


def test_without_a_witness_of_the_wave_nothing_is_proven() -> None:
    tape = wave()
    tape.records = [r for r in tape.records if not (isinstance(r, Fault) and r.step == "witness")]
    assert tape.verdict().verdict == "not_proven"
