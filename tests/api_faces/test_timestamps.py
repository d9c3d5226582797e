"""Times read back as they were written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.timestamps import format_micro_time, format_time, parse_time


def test_seconds_and_microseconds_as_kubernetes_writes_them() -> None:
    assert format_time(1_700_000_000.999) == "2023-11-14T22:13:20Z"
    assert format_micro_time(1_700_000_000.000_25) == "2023-11-14T22:13:20.000250Z"


@given(st.integers(0, 4_000_000_000_000_000))
def test_microseconds_survive_the_round_trip(micros: int) -> None:
    assert round(parse_time(format_micro_time(micros / 1e6)) * 1e6) == micros


def test_zones_are_understood() -> None:
    assert parse_time("2023-11-14T23:13:20+01:00") == 1_700_000_000.0


@pytest.mark.parametrize("text", ["", "yesterday", "2023-11-14", "2023-11-14T22:13:20"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_time(text)
