"""When a stranger was kept out, when not, and when a door that stays silent proves nothing."""

from typing import Any

import pytest

from chaos.judging.verdict import Criterion
from chaos.recording import Fault
from tests.judge.tape import INJECTED, Tape

STORE, FRONT, POD = "Service/store:8080", "Service/storefront:8080", "Pod/store-x:8080"
DOORS = [FRONT, STORE, POD]


def knocks(answer: str = "timeout", looks: int = 3, doors: list[str] | None = None) -> Tape:
    """A stranger at every door who gets the same answer at each look, while both controls answer."""
    tape = Tape("security").calm()
    data = {"doors": DOORS if doors is None else doors, "front": [FRONT]}
    tape.add(Fault, INJECTED, fault="rogue-client", step="inject", ok=True, target="rogue", data=data)
    for n in range(looks):
        look(tape, 21.0 + n, dict.fromkeys(DOORS, answer))
    return tape


def look(tape: Tape, t: float, rogue: dict[str, str], ok: bool = True, **keys: Any) -> None:
    data = {"rogue": rogue, "guest": {FRONT: "connected"}, "attended": DOORS, "out": "timeout", **keys}
    tape.add(Fault, t, fault="rogue-client", step="witness", ok=ok, target="rogue", detail="", data=data)


def criterion(tape: Tape, name: str = "strangers shut out") -> Criterion:
    return next(c for c in tape.verdict().criteria if c.name == name)


def test_held_when_all_doors_are_silent_and_the_guest_is_let_in() -> None:
    verdict = knocks().verdict()
    assert verdict.verdict == "held"
    assert [c.verdict for c in verdict.criteria] == ["held", "held", "held"]


def test_broke_when_the_target_reached_the_stranger_once() -> None:
    tape = knocks()
    look(tape, 30, dict.fromkeys(DOORS, "timeout"), out="connected")
    found = criterion(tape, "target kept in")
    assert (found.verdict, [e.t for e in found.evidence]) == ("broke", [30])
    impact = tape.only().impact
    assert impact is not None
    assert impact.forbidden_allowed == 1


@pytest.mark.parametrize("answer", ["Connection refused", "not tried: no shell", "", None])
def test_a_way_out_that_was_not_tried_or_failed_for_another_reason_is_unproven(answer: str | None) -> None:
    tape = knocks()
    look(tape, 30, dict.fromkeys(DOORS, "timeout"), out=answer)
    assert criterion(tape, "target kept in").verdict == "not_proven"


def test_a_way_out_that_was_silent_once_is_unproven() -> None:
    assert criterion(knocks(looks=1), "target kept in").verdict == "not_proven"


def test_broke_when_one_door_opened_once() -> None:
    tape = knocks()
    look(tape, 30, {FRONT: "timeout", STORE: "connected", POD: "timeout"})
    found = criterion(tape)
    assert found.verdict == "broke"
    assert found.text == f"a stranger got through 1 of 3 doors: {STORE}"
    assert [e.t for e in found.evidence] == [30]


def test_broke_also_when_the_controls_failed_at_that_look() -> None:
    """Being let in needs no control."""
    tape = knocks()
    look(tape, 30, {STORE: "connected"}, ok=False)
    assert criterion(tape).verdict == "broke"


@pytest.mark.parametrize("answer", ["Connection refused", "No route to host", "Network is unreachable", ""])
def test_what_is_neither_let_in_nor_dropped_is_unproven(answer: str) -> None:
    """A refused connection may be a door with nobody behind it, an unreachable one a broken network."""
    assert criterion(knocks(answer)).verdict == "not_proven"


def test_a_door_with_nobody_behind_it_is_unproven() -> None:
    tape = knocks(looks=0)
    for t in (21, 22, 23):
        look(tape, t, dict.fromkeys(DOORS, "timeout"), attended=[FRONT, STORE])
    found = criterion(tape)
    assert found.verdict == "not_proven"
    assert found.text.startswith(POD)


def test_silence_while_a_control_failed_is_unproven() -> None:
    """One look with both controls is too few to tell a policy from a bad second."""
    tape = knocks(looks=1)
    for t in (25, 26, 27):
        look(tape, t, dict.fromkeys(DOORS, "timeout"), ok=False)
    assert criterion(tape).verdict == "not_proven"


def test_without_any_look_that_has_both_controls_there_are_doubts() -> None:
    tape = knocks(looks=0)
    look(tape, 25, dict.fromkeys(DOORS, "timeout"), ok=False)
    verdict = tape.verdict()
    assert verdict.verdict == "not_proven"
    assert "nobody saw rogue-client bite" in verdict.reasons[0].text


def test_a_door_nobody_knocked_at_is_unproven() -> None:
    tape = knocks(looks=0)
    for t in (21, 22, 23):
        look(tape, t, {FRONT: "timeout", STORE: "timeout"})
    assert criterion(tape).text == f"{POD}: neither let in nor dropped, but: not tried"


def test_no_doors_no_proof() -> None:
    assert criterion(knocks(doors=[])).verdict == "not_proven"


def test_what_came_after_the_fault_does_not_count() -> None:
    tape = knocks()
    look(tape, 50, dict.fromkeys(DOORS, "connected"))
    assert criterion(tape).verdict == "held"


def test_a_guest_that_is_seldom_let_in_is_unproven() -> None:
    tape = knocks(looks=1)
    look(tape, 25, dict.fromkeys(DOORS, "timeout"), guest={FRONT: "timeout"})
    assert criterion(tape, "callers let in").verdict == "not_proven"
