"""When a password could be read on its way, when not, and when nobody can say."""

import pytest

from chaos.judging.verdict import Criterion
from chaos.recording import Fault
from tests.judge.tape import INJECTED, Tape

KEYS: dict[str, object] = {"fault": {"eavesdropper": {}}}


def visits(looks: int = 3, way: str = "https", read: str = "no") -> Tape:
    tape = Tape("security", keys=KEYS).calm()
    tape.add(Fault, INJECTED, fault="eavesdropper", step="inject", ok=True, target="Ingress/shop")
    for n in range(looks):
        look(tape, 21.0 + n, way, read)
    return tape


def look(tape: Tape, t: float, way: str, read: str, ok: bool = True) -> None:
    data = {"passed": "900", "read": read, "way": way, "answer": "200" if ok else "reset"}
    tape.add(Fault, t, fault="eavesdropper", step="witness", ok=ok, target="Ingress/shop", detail="seen", data=data)


def criterion(tape: Tape) -> Criterion:
    (found,) = tape.verdict().criteria
    return found


def test_held_when_the_visitor_was_served_by_https_and_nothing_was_read() -> None:
    assert criterion(visits()).verdict == "held"


def test_broke_when_it_was_read_once() -> None:
    tape = visits()
    look(tape, 30, "http", "yes")
    found = criterion(tape)
    assert found.verdict == "broke"
    assert [e.t for e in found.evidence] == [30]


def test_broke_also_when_the_visitor_was_not_served_then() -> None:
    """What was read is read."""
    tape = visits()
    look(tape, 30, "none", "yes", ok=False)
    assert criterion(tape).verdict == "broke"


@pytest.mark.parametrize("tape", [visits(looks=1), visits(way="http")], ids=["one look", "plain text, and not read"])
def test_what_was_not_read_proves_little_by_itself(tape: Tape) -> None:
    assert criterion(tape).verdict == "not_proven"


def test_looks_without_an_answer_do_not_count() -> None:
    tape = visits(looks=1)
    for t in (25, 26, 27):
        look(tape, t, "https", "no", ok=False)
    assert criterion(tape).verdict == "not_proven"


def test_after_the_fault_nothing_counts() -> None:
    tape = visits()
    look(tape, 50, "http", "yes")
    assert criterion(tape).verdict == "held"


def test_a_password_that_was_read_is_one_forbidden_thing_allowed() -> None:
    counts = [t.only().impact for t in (visits(), visits(read="yes"))]
    assert [c.forbidden_allowed for c in counts if c] == [0, 1]
