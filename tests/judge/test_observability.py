"""When an alarm was raised, when it was not, and when nobody can say; and whether a dead pod's last words are kept."""

from typing import Any

import pytest

from chaos.judging.verdict import Criterion
from chaos.recording import Asked, Fault
from tests.judge.tape import INJECTED, TARGET, Tape

FIRING_AT = 27
GONE_AT = 22.0
WORDS = "last-words-of-a"


def said(state: str, **keys: Any) -> dict[str, Any]:
    return {"alert": "ShopErrors", "state": state, "health": "ok", "error": "", "targets": 3, "up": 3, **keys}


def routed(active: bool, notified: int, **keys: Any) -> dict[str, Any]:
    receivers = ["pager"] if active else []
    return {"alert": "ShopErrors", "active": active, "receivers": receivers, "notified": notified, "failed": 0, **keys}


def state_at(t: int) -> str:
    if FIRING_AT - 3 <= t < FIRING_AT:
        return "pending"
    return "firing" if FIRING_AT <= t < 55 else "inactive"


def ask(tape: Tape, t: float, source: str, data: dict[str, Any] | None) -> None:
    """One question; None is no answer."""
    tape.add(Asked, t, source=source, ok=data is not None, detail="no answer" if data is None else "", data=data or {})


def outage(variant: str = "defended", **keys: Any) -> Tape:
    """Errors that are noticed: pending after 4 s, firing and delivered after 7 s, at rest 10 s after the end."""
    tape = Tape("observability", variant, keys=keys).calm()
    tape.inject()
    tape.witness()
    tape.failing.update(dict.fromkeys(range(20, 46), 13))
    for t in range(10, 60):
        fired = FIRING_AT <= t < 55
        ask(tape, t + 0.1, "prometheus", said(state_at(t)))
        ask(tape, t + 0.2, "alertmanager", routed(fired, int(t >= FIRING_AT) + int(t >= 57)))
    return tape


def edit(tape: Tape, source: str, begin: float, end: float, **data: Any) -> Tape:
    """Other facts in the answers of a time."""
    for r in tape.records:
        if isinstance(r, Asked) and r.source == source and begin <= r.t <= end:
            r.data.update(data)
    return tape


def silent(tape: Tape, source: str, begin: float, end: float) -> Tape:
    """Nothing is answered in a time: each question fails."""
    for r in list(tape.records):
        if isinstance(r, Asked) and r.source == source and begin <= r.t <= end:
            tape.records.remove(r)
            ask(tape, r.t, source, None)
    return tape


def unasked(tape: Tape, source: str) -> Tape:
    tape.records = [r for r in tape.records if not (isinstance(r, Asked) and r.source == source)]
    return tape


def criterion(tape: Tape, name: str) -> Criterion:
    return next(c for c in tape.verdict().criteria if c.name == name)


def test_held_when_the_whole_chain_is_seen() -> None:
    verdict = outage().verdict()
    assert [(c.name, c.verdict) for c in verdict.criteria] == [
        ("measured", "held"),
        ("warned", "held"),
        ("delivered", "held"),
        ("resolved", "held"),
    ]


def test_the_alert_is_the_first_sign() -> None:
    cost = outage().only().impact
    assert cost is not None
    assert cost.first_sign is not None
    assert cost.first_sign.source == "Prometheus"
    assert cost.detected_after == pytest.approx(FIRING_AT + 0.1 - INJECTED)


def test_the_turns_of_the_alert_are_on_the_timeline() -> None:
    marks = [(m.text, m.severity) for m in outage().only().marks if m.object == "Alert/ShopErrors"]
    assert marks == [("pending", "warning"), ("firing", "bad"), ("inactive", "info")]


def test_a_recording_without_questions_proves_nothing() -> None:
    tape = unasked(unasked(outage(), "prometheus"), "alertmanager")
    assert tape.verdict().verdict == "not_proven"
    assert "monitoring: names none" in criterion(tape, "warned").text


class TestMeasured:
    """Prometheus reaches its targets before the fault."""

    def test_a_target_that_is_down_breaks_it(self) -> None:
        assert criterion(edit(outage(), "prometheus", 10, 21, up=2), "measured").verdict == "broke"

    def test_no_targets_at_all_break_it(self) -> None:
        assert criterion(edit(outage(), "prometheus", 10, 21, up=0, targets=0), "measured").verdict == "broke"

    def test_targets_that_were_still_being_found_do_not(self) -> None:
        assert criterion(edit(outage(), "prometheus", 10, 13, up=0, targets=0), "measured").verdict == "held"

    def test_without_an_answer_nothing_is_proven(self) -> None:
        found = criterion(silent(outage(), "prometheus", 10, 21), "measured")
        assert found.verdict == "not_proven"
        assert "last: " in found.text


class TestWarned:
    """At rest before, firing in time."""

    def test_tells_rest_pending_and_firing_with_their_moments(self) -> None:
        found = criterion(outage(), "warned")
        assert [e.t for e in found.evidence] == [20.1, 24.1, 27.1]
        assert "6.6 s after the fault" in found.text

    @pytest.mark.parametrize("state", ["pending", "firing"])
    def test_an_alert_that_was_not_at_rest_before_proves_nothing(self, state: str) -> None:
        """Also when it was so for a moment only."""
        found = criterion(edit(outage(), "prometheus", 12, 12.5, state=state), "warned")
        assert found.verdict == "not_proven"
        assert f"was {state} before the fault" in found.text

    def test_a_rule_that_is_in_git_and_not_loaded_breaks_it(self) -> None:
        tape = edit(outage("undefended"), "prometheus", 10, 60, state="absent", health="")
        assert criterion(tape, "warned").verdict == "broke"
        assert "no rule ShopErrors is loaded" in criterion(tape, "warned").text

    def test_a_rule_that_cannot_be_evaluated_breaks_it(self) -> None:
        tape = edit(outage(), "prometheus", 10, 60, state="inactive", health="err", error="many-to-many matching")
        assert criterion(tape, "warned").verdict == "broke"
        assert "many-to-many" in criterion(tape, "warned").text

    def test_a_rule_without_series_never_fires_and_breaks_it(self) -> None:
        found = criterion(edit(outage(), "prometheus", 10, 60, state="inactive"), "warned")
        assert found.verdict == "broke"
        assert "did not fire" in found.text

    def test_an_alert_that_was_never_seen_at_rest_proves_nothing(self) -> None:
        """Loaded, but not evaluated yet when the fault came."""
        assert criterion(edit(outage(), "prometheus", 10, 21, health="unknown"), "warned").verdict == "not_proven"

    def test_too_late_is_broken(self) -> None:
        tape = edit(outage(), "prometheus", 27, 32, state="pending")
        assert criterion(tape, "warned").verdict == "broke"
        assert "only 11.6 s" in criterion(tape, "warned").text

    def test_late_after_a_silence_proves_nothing(self) -> None:
        """It may have been firing in time, unheard."""
        assert criterion(silent(outage(), "prometheus", 25, 32), "warned").verdict == "not_proven"

    def test_silence_during_the_fault_proves_nothing(self) -> None:
        assert criterion(silent(outage(), "prometheus", 24, 60), "warned").verdict == "not_proven"

    def test_one_lost_answer_is_no_silence(self) -> None:
        assert criterion(silent(outage(), "prometheus", 23, 23.5), "warned").verdict == "held"

    def test_silence_just_before_the_fault_proves_nothing(self) -> None:
        assert criterion(silent(outage(), "prometheus", 15, 21), "warned").verdict == "not_proven"

    def test_a_fault_that_is_too_short_proves_nothing(self) -> None:
        tape = edit(outage(expect={"defended": {"detect": "<= 25s"}}), "prometheus", 20, 60, state="inactive")
        assert criterion(tape, "warned").verdict == "not_proven"


class TestDelivered:
    """Somebody is told, and the telling does not fail."""

    def test_names_who_was_told(self) -> None:
        assert "receiver pager was notified 6.7 s" in criterion(outage(), "delivered").text

    def test_an_alert_that_never_reaches_alertmanager_breaks_it(self) -> None:
        tape = edit(outage(), "alertmanager", 10, 60, active=False, receivers=[], notified=0)
        assert criterion(tape, "delivered").verdict == "broke"
        assert "never heard" in criterion(tape, "delivered").text

    def test_a_route_to_nobody_breaks_it(self) -> None:
        tape = edit(outage(), "alertmanager", 27, 55, receivers=["null"])
        assert criterion(tape, "delivered").verdict == "broke"
        assert "passes nothing on" in criterion(tape, "delivered").text

    def test_notifications_that_fail_break_it(self) -> None:
        tape = edit(outage(), "alertmanager", 27, 60, notified=3, failed=3)
        assert criterion(tape, "delivered").verdict == "broke"
        assert "3 notifications failed" in criterion(tape, "delivered").text

    def test_an_alert_that_was_there_before_proves_nothing(self) -> None:
        assert criterion(edit(outage(), "alertmanager", 12, 13, active=True), "delivered").verdict == "not_proven"

    @pytest.mark.parametrize(("begin", "end"), [(10, 21), (24, 60)])
    def test_silence_proves_nothing(self, begin: float, end: float) -> None:
        assert criterion(silent(outage(), "alertmanager", begin, end), "delivered").verdict == "not_proven"

    def test_not_having_asked_proves_nothing(self) -> None:
        assert criterion(unasked(outage(), "alertmanager"), "delivered").verdict == "not_proven"


class TestResolved:
    """At rest again when the trouble is over."""

    def test_an_alert_that_stays_on_breaks_it(self) -> None:
        tape = edit(outage(expect={"defended": {"recover": "<= 12s"}}), "prometheus", 55, 60, state="firing")
        assert criterion(tape, "resolved").verdict == "broke"

    def test_a_recovery_that_is_too_short_proves_nothing(self) -> None:
        tape = edit(outage(expect={"defended": {"recover": "<= 20s"}}), "prometheus", 55, 60, state="firing")
        assert criterion(tape, "resolved").verdict == "not_proven"

    def test_an_alert_that_never_fired_has_nothing_to_resolve(self) -> None:
        tape = edit(outage(), "prometheus", 10, 60, state="inactive")
        assert criterion(tape, "resolved").verdict == "not_proven"

    def test_silence_in_the_recovery_proves_nothing(self) -> None:
        assert criterion(silent(outage(), "prometheus", 46, 60), "resolved").verdict == "not_proven"


def death(variant: str = "defended", **answer: Any) -> Tape:
    """A pod that dies at 20.5 s and whose log is gone at 22 s; the store is asked from then on."""
    tape = Tape("observability", variant, keys={"fault": {"pod-death": {"pods": 1}}}).calm()
    data = {"pod": TARGET, "uid": "uid-storefront", "last_words": WORDS}
    tape.add(Fault, INJECTED, fault="pod-death", step="inject", ok=True, target=TARGET, data=data)
    tape.add(Fault, 21.0, fault="pod-death", step="witness", ok=False, target=TARGET, detail="still there")
    tape.add(Fault, GONE_AT, fault="pod-death", step="witness", ok=True, target=TARGET, detail="not found")
    for t in range(21, 60):
        ask(tape, t + 0.1, "logs", {"words": WORDS, "store": True, "found": True, **answer})
    return tape


class TestLogsKept:
    """What a dead pod said last can still be read at the end of the run."""

    def test_held_when_they_are_found_after_its_death(self) -> None:
        assert death().verdict().verdict == "held"

    def test_broke_when_nobody_keeps_logs(self) -> None:
        tape = death("undefended", store=False, found=False)
        assert tape.verdict().verdict == "broke"
        assert "nobody keeps logs" in criterion(tape, "logs kept").text

    def test_broke_when_the_store_missed_the_last_line(self) -> None:
        assert "the store of the logs does not have them" in criterion(death(found=False), "logs kept").text

    def test_broke_when_they_were_there_and_are_lost_in_the_end(self) -> None:
        assert edit(death(), "logs", 40, 60, found=False).verdict().verdict == "broke"

    def test_found_only_while_the_pod_still_lived_proves_nothing(self) -> None:
        assert silent(death(), "logs", GONE_AT, 60).verdict().verdict == "not_proven"

    def test_other_words_prove_nothing(self) -> None:
        assert death(words="of somebody else").verdict().verdict == "not_proven"

    def test_not_having_asked_proves_nothing(self) -> None:
        assert unasked(death(), "logs").verdict().verdict == "not_proven"

    def test_a_pod_that_was_never_seen_to_go_proves_nothing(self) -> None:
        tape = death()
        tape.records = [r for r in tape.records if not (isinstance(r, Fault) and r.step == "witness" and r.ok)]
        assert tape.verdict().verdict == "not_proven"
