"""The figures of a storm: what it cost, when it showed, how long the pods lied."""

import pytest

from chaos.result import Impact
from tests.judge.tape import Tape, hang, lie, oom, spill


def impact(tape: Tape) -> Impact:
    found = tape.only().impact
    assert found is not None
    return found


def test_failed_requests_are_counted_from_the_fault_on() -> None:
    found = impact(hang())
    assert (found.failed, found.failures) == (52, {"timeout": 52})
    assert found.failed_share == pytest.approx(52 / found.requests)


def test_the_longest_outage_is_one_without_a_good_second() -> None:
    tape = hang()
    tape.failing.update({35: 5, 36: 5})
    assert impact(tape).longest_outage == 4


def test_detection_is_the_first_sign_in_the_cluster() -> None:
    found = impact(hang())
    assert found.detected_after == 1.5
    assert found.first_sign is not None
    assert found.first_sign.text.startswith("Unhealthy")


def test_what_the_undo_does_is_no_sign() -> None:
    assert impact(lie()).detected_after is None


def test_an_innocents_death_is_a_sign() -> None:
    assert impact(spill()).detected_after == 7.5


def test_recovery_is_for_good() -> None:
    assert impact(hang()).recovered_after == pytest.approx(4.25)
    relapse = hang()
    relapse.failing[50] = 10
    assert impact(relapse).recovered_after == pytest.approx(31.25)


def test_one_slow_second_is_a_hiccup_and_two_are_a_relapse() -> None:
    assert impact(hang(slow={50: 900})).recovered_after == pytest.approx(4.25)
    assert impact(hang(slow={50: 900, 51: 900})).recovered_after == pytest.approx(31.25)


def test_a_second_that_is_slow_and_loses_is_no_hiccup() -> None:
    relapse = hang(slow={50: 900})
    relapse.failing[50] = 10
    assert impact(relapse).recovered_after == pytest.approx(31.25)


def test_users_who_are_failed_to_the_end_never_recovered() -> None:
    tape = lie()
    tape.failing.update(dict.fromkeys(range(20, 61), 13))
    assert impact(tape).recovered_after is None


def test_pods_lie_while_they_are_ready_and_users_are_failed() -> None:
    assert impact(hang()).lie_time == 2
    assert impact(lie()).lie_time == 24


def test_restarts_and_bystanders_are_those_since_the_fault() -> None:
    tape = oom()
    tape.pod(15, "newsletter-n", "newsletter", restarts=4)
    assert (impact(tape).restarts, impact(tape).bystanders_hurt) == (1, ())
    assert (impact(spill()).restarts, impact(spill()).bystanders_hurt) == (1, ("newsletter-n",))


def test_quantiles_are_interpolated_within_their_bucket() -> None:
    """Buckets are 12 % wide; 20 ms is in the one from 19.5 to 21.8."""
    phase = hang().only().phases[0]
    assert phase.name == "baseline"
    assert phase.p50 is not None
    assert 19.4 < phase.p50 < 21.9


def test_unanswered_requests_take_as_long_as_their_time_out() -> None:
    phase = lie().only().phases[1]
    assert (phase.name, phase.p95) == ("fault", 1000)


def test_the_timeline_has_every_second_and_the_events_are_marked() -> None:
    variant = hang().only()
    assert len(variant.timeline) == 52
    worst = max(variant.timeline, key=lambda p: p.failed)
    assert (worst.arrivals, worst.failed) == (40, 13)
    told = [(m.severity, m.text) for m in variant.marks]
    assert ("bad", "container storefront ended: Error, exit code 137") in told
    assert ("warning", "no longer Ready") in told


def test_both_sides_stand_side_by_side() -> None:
    rows = {d.what: d.values for d in hang().judged().differences}
    assert rows["failed requests"] == {"defended": 52}
    assert rows["lie time"] == {"defended": 2}


def test_what_was_open_when_the_load_ended_costs_nothing() -> None:
    """The load ends with the recovery, in the middle of a second whose last requests nobody waits for."""
    tape = hang()
    tape.failing[59] = 13
    assert impact(tape) == impact(hang())
