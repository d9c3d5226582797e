"""Nothing missing ever reads as green: every hole in a recording gives `not_proven`, with its reason."""

from collections.abc import Callable
from typing import Any

import pytest

from chaos.judge import judge
from chaos.problems import InputErrors
from chaos.recording import NOT_TAKEN, Fault, Load, PhaseName, RunStarted, Seen, Trouble
from tests.judge.tape import BEGAN, RATE, TARGET, Tape, hang, lie, oom, scenario, spill

Storm = Callable[..., Tape]

STORMS = pytest.mark.parametrize("storm", [oom, spill, hang, lie])


def without(tape: Tape, unwanted: Callable[[Any], bool]) -> Tape:
    tape.records = [r for r in tape.records if not unwanted(r)]
    return tape


def late_at(*seconds: int) -> Callable[[int], float]:
    """Requests of these seconds left so late that it may have been their undoing."""
    return lambda t: 300.0 if t in seconds else 2.0


def assert_unproven(tape: Tape, *words: str) -> None:
    """Not proven, for a reason with these words, and by the exit code too."""
    verdict = tape.verdict()
    assert verdict.verdict == "not_proven"
    assert verdict.criteria == ()
    told = " | ".join(e.text for e in verdict.reasons)
    assert all(word in told for word in words), told
    assert tape.judged().exit_code == 2


@STORMS
def test_a_whole_recording_raises_no_doubt(storm: Storm) -> None:
    """The control: what the tests below take away is all that makes the difference."""
    assert storm().verdict().reasons == ()
    assert storm().verdict().verdict != "not_proven"


def test_a_storm_that_did_not_take_place_has_that_one_reason() -> None:
    start = RunStarted(t=0, wall=BEGAN, scenario=scenario("replicas"), variants={"defended": {}})
    result = judge([start, Trouble(t=0, wall=BEGAN, what=NOT_TAKEN, detail="the cluster has no node")])
    (verdict,) = result.variants[0].verdicts
    assert [reason.text for reason in verdict.reasons] == [f"{NOT_TAKEN}: the cluster has no node"]
    assert (verdict.verdict, result.exit_code) == ("not_proven", 2)


@STORMS
def test_no_steady_state_in_the_baseline(storm: Storm) -> None:
    tape = storm()
    tape.failing[14] = 20
    assert_unproven(tape, "no steady state before the fault", "availability 94.", "promised at least 99%")


@STORMS
def test_a_baseline_that_is_too_slow(storm: Storm) -> None:
    tape = storm(latency_ms=900)
    assert_unproven(tape, "no steady state before the fault", "promised at most 300ms")


@STORMS
def test_a_baseline_with_a_hiccup_is_steady(storm: Storm) -> None:
    assert storm(slow={14: 900}).verdict().reasons == ()
    assert_unproven(storm(slow={14: 900, 16: 900}), "no steady state before the fault", "promised at most 300ms")


@STORMS
def test_no_witness(storm: Storm) -> None:
    tape = without(storm(), lambda r: isinstance(r, Fault) and r.step == "witness")
    assert_unproven(tape, "nobody saw", TARGET, "there was no witness")


@STORMS
def test_a_witness_that_saw_no_bite(storm: Storm) -> None:
    tape = without(storm(), lambda r: isinstance(r, Fault) and r.step == "witness")
    tape.witness(ok=False)
    assert_unproven(tape, "nobody saw", "it answered in 3 ms")


@STORMS
def test_a_witness_of_another_pod(storm: Storm) -> None:
    tape = without(storm(), lambda r: isinstance(r, Fault) and r.step == "witness")
    tape.witness(target="storefront-b")
    assert_unproven(tape, "nobody saw")


@STORMS
def test_a_witness_from_before_the_fault(storm: Storm) -> None:
    tape = without(storm(), lambda r: isinstance(r, Fault) and r.step == "witness")
    tape.witness(t=15)
    assert_unproven(tape, "nobody saw")


@STORMS
def test_a_second_injection_that_did_not_bite(storm: Storm) -> None:
    tape = storm()
    tape.inject(target="storefront-b")
    assert_unproven(tape, "bite on storefront-b")


@STORMS
def test_no_injection(storm: Storm) -> None:
    tape = without(storm(), lambda r: isinstance(r, Fault))
    assert_unproven(tape, "no fault was injected")
    assert tape.only().impact is None


@STORMS
def test_an_injection_that_failed(storm: Storm) -> None:
    tape = without(storm(), lambda r: isinstance(r, Fault))
    tape.inject(ok=False, detail="it offers no /chaos/ endpoints")
    assert_unproven(tape, "could not be injected", "/chaos/", "no fault was injected")


@STORMS
def test_no_samples(storm: Storm) -> None:
    tape = storm(silent=set(range(100)))
    assert_unproven(tape, "there are no load samples")


@STORMS
@pytest.mark.parametrize("second", [10, 19, 30, 44, 58])
def test_a_gap_of_one_second_in_any_phase(storm: Storm, second: int) -> None:
    assert_unproven(storm(silent={second}), "load-0 reported nothing for 1 of")


def test_seconds_outside_the_measured_phases_may_be_missing() -> None:
    """What was not wholly inside baseline to recovery is not asked for."""
    assert oom(silent={9, 60}).verdict().verdict == "held"


def test_samples_that_arrive_after_the_end_count() -> None:
    """The last second's line comes when its requests have timed out, which is after the run."""
    assert any(isinstance(r, Load) and r.t > 60 for r in oom().all())
    assert oom().verdict().verdict == "held"


@STORMS
def test_fewer_workers_than_the_scenario_has(storm: Storm) -> None:
    load = {"service": "storefront", "locustfile": "browse.py", "arrivals": "40/s", "workers": 2}
    assert_unproven(storm(keys={"load": load}), "1 of 2 load workers reported")


@STORMS
def test_a_load_that_fell_behind(storm: Storm) -> None:
    """Half the users never came: fewer failures, and no proof."""
    tape = storm(sent=lambda t: RATE // 2 if 30 <= t < 40 else RATE)
    assert_unproven(tape, "the load fell behind", "in the fault")


class TestLateness:
    """What a late load calls a time-out may be its own doing: proven is what does not depend on that."""

    @STORMS
    def test_a_late_second_that_changes_nothing_is_no_doubt(self, storm: Storm) -> None:
        punctual = storm().verdict()
        assert storm(late_ms=late_at(30)).verdict().verdict == punctual.verdict

    def test_failures_that_decide_and_may_be_the_loads_own_prove_nothing(self) -> None:
        failing = {50: 30, 51: 30}
        assert oom(failing=failing).verdict().verdict == "broke"
        assert oom(failing=failing, late_ms=late_at(30)).verdict().verdict == "broke"
        assert_unproven(oom(failing=failing, late_ms=late_at(50, 51)), "the load generator was starved", "in 2 of")

    def test_nor_do_they_hide_what_breaks_without_them(self) -> None:
        failing = {50: 30, 51: 30, 52: 30, 53: 30}
        assert oom(failing=failing, late_ms=late_at(50)).verdict().verdict == "broke"

    def test_a_time_that_may_be_the_loads_own_is_not_told(self) -> None:
        keys = {"expect": {"defended": {"resources": "held", "recover": "<= 10s"}}}
        failing = dict.fromkeys(range(36, 39), 30)

        def in_time(*late: int) -> bool | None:
            variant = oom(keys=keys, failing=failing, late_ms=late_at(*late)).only()
            assert variant.verdicts[0].verdict == "held"
            return next(e.met for e in variant.expected if e.what == "recover")

        assert in_time() is False
        assert in_time(36, 37, 38) is None

    def test_a_baseline_that_it_spoilt_is_no_steady_state(self) -> None:
        assert_unproven(oom(failing={14: 20}, late_ms=late_at(14)), "no steady state before the fault")

    def test_late_is_what_may_cost_the_promised_p95(self) -> None:
        """The promise is 300 ms, and a quarter of it 75."""
        failing = {50: 30, 51: 30}
        assert oom(late_ms=lambda _: 74.0, failing=failing).verdict().verdict == "broke"
        assert oom(late_ms=lambda _: 76.0, failing=failing).verdict().verdict == "not_proven"


def test_requests_that_nobody_accounts_for_count_as_lost() -> None:
    tape = oom(sent=lambda t: RATE - 1 if 46 <= t < 58 else RATE)
    past, _ = tape.past()
    assert sum(s.lost for s in past.within("recovery")) == 12
    assert tape.verdict().verdict == "broke"


@STORMS
@pytest.mark.parametrize("variant", ["", None])
def test_trouble_of_the_run_or_of_the_variant(storm: Storm, variant: str | None) -> None:
    tape = storm()
    tape.trouble("the watch on Pod objects ended", variant)
    assert_unproven(tape, "the watch on Pod objects ended")


def test_trouble_of_another_variant_is_no_doubt_about_this_one() -> None:
    tape = oom()
    tape.trouble("the watch on Pod objects ended", "undefended")
    assert tape.verdict().verdict == "held"


@STORMS
@pytest.mark.parametrize("last", ["baseline", "fault", "recovery", "done"])
def test_a_run_that_was_cut_short(storm: Storm, last: PhaseName) -> None:
    """Killed before the given phase began: the recording is kept, and proves nothing."""
    tape = storm()
    end = tape.phases[last]
    tape.phases = {name: t for name, t in tape.phases.items() if t < end}
    tape.records = [r for r in tape.records if r.t < end]
    tape.silent = {t for t in range(9, 61) if t > end - 2}
    words = "was not finished" if last == "done" else f"never came to its {last}"
    assert_unproven(tape, words)


def test_a_recording_of_one_line_is_judged() -> None:
    tape = Tape("resources", phases={}, silent=set(range(100)))
    assert len(tape.all()) == 1
    assert_unproven(tape, "never came to its baseline", "no pod was ever observed", "no load samples")


@STORMS
def test_nothing_observed(storm: Storm) -> None:
    assert_unproven(without(storm(), lambda r: isinstance(r, Seen)), "no pod was ever observed")


@STORMS
def test_a_clock_that_was_moved(storm: Storm) -> None:
    tape = storm()
    for t in (30.3, 30.301):
        wall = 1_700_000_100.0 + t - 30
        tape.records.append(Fault(t=t, wall=wall, variant=tape.variant, fault="x", step="undo", ok=True))
    assert_unproven(tape, "clock was moved by")


def test_one_record_whose_writer_was_held_up_between_its_clocks_moves_no_clock() -> None:
    tape = oom()
    late = Fault(t=30.0, wall=BEGAN + 32.0, variant=tape.variant, fault="x", step="undo", ok=True)
    tape.records.append(late)
    assert tape.verdict().verdict == "held"


def test_records_without_a_run_are_refused() -> None:

    records = [r for r in oom().all() if not isinstance(r, RunStarted)]
    with pytest.raises(InputErrors, match="holds no run"):
        judge(records)
