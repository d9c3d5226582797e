"""What the figures say of a variant."""

from reports import figures
from tests.judge.tape import TARGET, lie


def recovery(last_bad: int) -> str:
    """The remark about users who were failed from 20 s to this second; the fault is undone at 45 s."""
    tape = lie()
    tape.failing = dict.fromkeys(range(20, last_bad + 1), 13)
    (found,) = (f for f in figures.figures(tape.only()) if f.name == "users well again after")
    return found.note


def test_who_is_well_again_in_the_second_of_the_undo_owes_it_to_the_undo() -> None:
    assert recovery(43) == recovery(45) == "only once the fault was undone"


def test_who_is_well_again_before_it_does_not() -> None:
    assert recovery(42) == ""


def test_the_first_sign_says_whose_it_was() -> None:
    """Where nobody told of it, and only the pod's own state did."""
    tape = lie()
    tape.pod(23, ready=False)
    (found,) = (f for f in figures.figures(tape.only()) if f.name == "first sign in the cluster")
    assert found.note == f"{TARGET}: no longer Ready"
