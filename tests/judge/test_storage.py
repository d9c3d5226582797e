"""Was what had been acknowledged found again, and did a new claim get its volume? From recordings written by hand."""

from typing import Any

import pytest

from chaos.recording import Fault
from chaos.result import DefenseVerdict
from tests.judge.tape import INJECTED, TARGET, Tape

WRITTEN = [[n, f"mark-{n}"] for n in range(1, 21)]
PENDING = "FailedBinding: no persistent volumes available for this claim and no storage class is set"


def fault(tape: Tape, t: float, step: str, name: str, target: str, *, ok: bool = True, **data: Any) -> None:
    tape.add(Fault, t, fault=name, step=step, ok=ok, target=target, detail=f"{step} at {t}", data=data)


def loss(acknowledged: list[list[Any]] | None = None, **keys: Any) -> Tape:
    """Twenty orders acknowledged, then the pod deleted; what is found again is up to the test."""
    tape = Tape("storage", keys={"fault": {"data-loss": {}}, **keys}).calm()
    written = WRITTEN if acknowledged is None else acknowledged
    fault(tape, INJECTED, "inject", "data-loss", TARGET, pod=TARGET, acknowledged=written)
    return tape


def look(tape: Tape, t: float, found: int | None = None, *, ok: bool = True) -> None:
    answer = {} if found is None else {"found": found, "missing": [0] * (20 - found)}
    fault(tape, t, "witness", "data-loss", TARGET, ok=ok, **answer)


def criteria(verdict: DefenseVerdict) -> dict[str, str]:
    return {c.name: c.verdict for c in verdict.criteria}


class TestDataLoss:
    def test_all_records_found_again_in_time_is_held(self) -> None:
        tape = loss()
        look(tape, 21.5)
        look(tape, 24.5, 20)
        verdict = tape.verdict()
        assert verdict.verdict == "held"
        assert criteria(verdict) == {"records found": "held", "back in time": "held"}
        assert "20 of 20 acknowledged records were found" in verdict.criteria[0].text

    @pytest.mark.parametrize("found", [0, 19])
    def test_one_record_lost_is_broke(self, found: int) -> None:
        tape = loss()
        look(tape, 22.5, found)
        verdict = tape.verdict()
        assert verdict.verdict == "broke"
        assert f"{found} of 20" in verdict.criteria[0].text

    def test_what_was_never_acknowledged_is_not_missed(self) -> None:
        tape = loss(WRITTEN[:3])
        look(tape, 22.5, 3)
        assert tape.verdict().verdict == "held"

    def test_nothing_acknowledged_proves_nothing(self) -> None:
        tape = loss([])
        look(tape, 22.5, 0)
        assert criteria(tape.verdict())["records found"] == "not_proven"

    def test_a_successor_that_nobody_could_ask_proves_no_loss_but_is_late(self) -> None:
        tape = loss(expect={"defended": {"storage": "held", "recover": "<= 10s"}})
        for t in range(22, 45):
            look(tape, float(t))
        assert criteria(tape.verdict()) == {"records found": "not_proven", "back in time": "broke"}

    def test_a_watch_that_was_too_short_proves_no_delay(self) -> None:
        tape = loss(expect={"defended": {"storage": "held", "recover": "<= 60s"}})
        look(tape, 22.0)
        assert criteria(tape.verdict()) == {"records found": "not_proven", "back in time": "not_proven"}

    def test_data_that_comes_back_late_is_broke(self) -> None:
        tape = loss(expect={"defended": {"storage": "held", "recover": "<= 5s"}})
        look(tape, 22.0)
        look(tape, 40.0, 20)
        assert criteria(tape.verdict()) == {"records found": "held", "back in time": "broke"}

    def test_a_pod_that_was_never_seen_to_go_proves_nothing(self) -> None:
        tape = loss()
        look(tape, 22.0, ok=False)
        assert tape.verdict().verdict == "not_proven"

    def test_a_look_after_the_fault_phase_does_not_count(self) -> None:
        tape = loss()
        look(tape, 22.0)
        look(tape, 50.0, 20)
        assert criteria(tape.verdict())["records found"] == "not_proven"


def grown(phase: str, ready: int, until: float = 44.0) -> Tape:
    """No class is the default, and the ledger was scaled from one replica to two."""
    tape = Tape("storage", keys={"fault": {"volume-pending": {}}}).calm()
    fault(tape, INJECTED, "inject", "volume-pending", "standard")
    fault(tape, INJECTED + 0.1, "inject", "volume-pending", "deployment/storefront", claims=[])
    fault(tape, until, "witness", "volume-pending", "standard")
    data: dict[str, Any] = {"claims": {"data-ledger-1": phase}, "ready": ready, "replicas": 2, "why": PENDING}
    fault(tape, until, "witness", "volume-pending", "deployment/storefront", **data)
    return tape


class TestVolumePending:
    def test_a_claim_that_is_bound_for_a_replica_that_is_ready_is_held(self) -> None:
        assert grown("Bound", 2).verdict().verdict == "held"

    def test_a_claim_that_stays_pending_is_broke_with_its_reason(self) -> None:
        verdict = grown("Pending", 1).verdict()
        assert verdict.verdict == "broke"
        assert verdict.criteria[0].text == "data-ledger-1 got no volume"

    def test_a_bound_claim_whose_pod_has_had_no_time_yet_is_not_proven(self) -> None:
        assert criteria(grown("Bound", 1, until=22.0).verdict()) == {
            "claim bound": "held",
            "replica ready": "not_proven",
        }

    def test_a_claim_that_nobody_saw_is_not_proven(self) -> None:
        tape = grown("Bound", 2)
        tape.records = [r for r in tape.records if not (isinstance(r, Fault) and r.data.get("why"))]
        fault(tape, 44.0, "witness", "volume-pending", "deployment/storefront", ok=False)
        assert tape.verdict().verdict == "not_proven"
