"""Users arrive like people who know nothing of each other, and again the same by the same seed."""

from itertools import islice, takewhile
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from loadgen.inside.schedule import arrivals


@given(st.floats(0.1, 1000), st.integers())
def test_the_same_seed_brings_the_same_arrivals_in_order(per_second: float, seed: int) -> None:
    first = list(islice(arrivals(per_second, Random(seed)), 50))
    assert first == list(islice(arrivals(per_second, Random(seed)), 50))
    assert first == sorted(first)
    assert first[0] >= 0


def test_the_rate_is_kept_over_time() -> None:
    count = sum(1 for _ in takewhile(lambda at: at < 1000, arrivals(40, Random(1))))
    assert 40_000 * 0.98 < count < 40_000 * 1.02


def test_arrivals_come_in_bursts() -> None:
    """In a Poisson process the counts of seconds scatter as much as their mean."""
    counts = [0] * 1000
    for at in takewhile(lambda at: at < 1000, arrivals(40, Random(2))):
        counts[int(at)] += 1
    mean = sum(counts) / 1000
    variance = sum((c - mean) ** 2 for c in counts) / 1000
    assert 0.85 < variance / mean < 1.15
