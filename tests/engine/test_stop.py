"""Who asks a run to end, and which other runs end with it."""

import pytest

from chaos.stop import Stop, Stopped
from loadgen.units import Duration


def test_all_runs_end_when_all_are_asked_to() -> None:
    stop = Stop()
    first, second = stop.child(), stop.child()
    stop("interrupted")
    for run in (first, second):
        with pytest.raises(Stopped, match="interrupted"):
            run.wait(Duration(60))


def test_a_run_that_ends_takes_no_other_with_it() -> None:
    stop = Stop()
    first, second = stop.child(), stop.child()
    first("its time was up")
    second.wait(Duration(0))
    assert first.asked()
    assert not second.asked()
    assert not stop.asked()


def test_a_run_that_begins_after_the_end_was_asked_for_ends_at_once() -> None:
    stop = Stop()
    stop("interrupted")
    assert stop.child().asked()
