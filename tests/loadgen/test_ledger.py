"""The books of a load worker: every request is accounted for, in the second it was meant for, once."""

from hypothesis import given
from hypothesis import strategies as st

from loadgen.inside.ledger import GRACE_SECONDS, Ledger
from loadgen.samples import bucket

T = 1_700_000_000
AFTER_TIMEOUT = T + 1 + 1 + GRACE_SECONDS


def ledger() -> Ledger:
    return Ledger(worker="w", timeout=1.0, start=T + 0.4)


def test_a_request_belongs_to_the_second_it_was_meant_for() -> None:
    """Though it left late and was answered a second later."""
    books = ledger()
    second = books.intend(T + 0.9)
    books.sent(second, 15.0)
    books.settle(second, 800.0)
    (sample,) = books.due(T + 1.8)
    assert (sample.second, sample.intended, sample.sent, sample.ok, sample.failed) == (T, 1, 1, 1, {})
    assert sample.latency == {bucket(800.0): 1}
    assert sample.start_error_ms_max == 15.0


def test_a_second_is_not_printed_while_a_request_may_still_be_answered() -> None:
    books = ledger()
    books.intend(T + 0.5)
    assert books.due(AFTER_TIMEOUT - 0.01) == []
    assert books.due(AFTER_TIMEOUT)[0].failed == {"timeout": 1}


def test_an_answer_after_the_time_out_changes_nothing() -> None:
    """The user has given up; it was counted as a time-out already."""
    books = ledger()
    second = books.intend(T + 0.5)
    books.due(AFTER_TIMEOUT)
    books.settle(second, 1900.0)
    (sample,) = books.due(AFTER_TIMEOUT + 1)
    assert (sample.intended, sample.ok, sample.failed) == (0, 0, {})


def test_an_answer_slower_than_the_time_out_is_a_time_out() -> None:
    """Even when its client waited longer."""
    books = ledger()
    books.settle(books.intend(T + 0.5), 1000.1)
    assert books.due(T + 2)[0].failed == {"timeout": 1}


def test_seconds_without_requests_are_printed_too() -> None:
    """A gap in the samples must mean that samples were lost."""
    assert [s.second for s in ledger().due(T + 4 + GRACE_SECONDS)] == [T, T + 1, T + 2, T + 3]


def test_no_second_is_printed_after_the_end() -> None:
    books = Ledger(worker="w", timeout=1.0, start=T, end=T + 2.0)
    assert [s.second for s in books.rest(T + 9.0)] == [T, T + 1]


def test_an_error_without_an_answer_has_no_latency() -> None:
    books = ledger()
    books.settle(books.intend(T + 0.5), 2.0, "refused")
    books.settle(books.intend(T + 0.5), 2.0, "http-503")
    (sample,) = books.due(T + 2)
    assert sample.failed == {"refused": 1, "http-503": 1}
    assert sum(sample.latency.values()) == 1


def test_what_is_open_at_a_kill_is_told_as_open() -> None:
    """Neither ok nor failed: nobody knows."""
    books = ledger()
    books.settle(books.intend(T + 0.5), 2.0)
    books.intend(T + 0.6)
    (sample,) = books.rest(T + 0.9)
    assert (sample.intended, sample.ok, sample.failed) == (2, 1, {})


def test_a_late_booking_goes_to_the_oldest_open_second() -> None:
    """A request that is only heard of when it has ended is counted, not lost."""
    books = ledger()
    books.due(T + 3 + GRACE_SECONDS)
    assert books.intend(T + 0.5) == T + 3


def test_a_generator_that_is_behind_books_requests_in_the_seconds_they_were_meant_for() -> None:
    books = ledger()
    books.next_at = T + 0.9
    assert books.due(T + 9) == []
    assert books.intend(T + 0.9) == T
    books.next_at = T + 2.5
    assert [s.second for s in books.due(T + 9)] == [T, T + 1]


def test_the_99th_percentile_of_lateness() -> None:
    books = ledger()
    for late_ms in range(1, 101):
        books.sent(books.intend(T + 0.5), float(late_ms))
    sample = books.due(AFTER_TIMEOUT)[0]
    assert (sample.start_error_ms_p99, sample.start_error_ms_max) == (99.0, 100.0)


FATES = st.tuples(st.floats(0, 5), st.floats(0, 3000), st.sampled_from(["", "", "reset", "http-500"]), st.booleans())


@given(st.lists(FATES))
def test_every_request_is_accounted_for_exactly_once(fates: list[tuple[float, float, str, bool]]) -> None:
    """Whatever became of it, and whenever the samples were drawn."""
    books = ledger()
    samples = []
    for after, latency_ms, failure, answered in sorted(fates):
        second = books.intend(T + 0.4 + after)
        if answered:
            books.settle(second, latency_ms, failure)
        samples += books.due(T + 0.4 + after)
    samples += books.due(T + 20.0)
    assert sum(s.intended for s in samples) == len(fates)
    assert all(s.intended == s.ok + sum(s.failed.values()) for s in samples)
    assert len({s.second for s in samples}) == len(samples)
