"""How figures are said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.story import command
from reports.words import clean, count, one_line, plural, seconds, share
from tests.reports.results import lying


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(0, 10, "0.0%"), (10, 10, "100.0%"), (1, 3, "33.3%"), (1, 100_000, "<0.1%"), (99_999, 100_000, ">99.9%")],
)
def test_a_share_is_rounded_but_never_to_none_or_all(part: int, whole: int, said: str) -> None:
    assert share(part, whole) == said


def test_a_share_of_nothing_was_not_measured() -> None:
    assert share(0, 0) == "not measured"


@given(st.integers(1, 10**9), st.data())
def test_only_none_is_0_and_only_all_is_100_percent(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    said = share(part, whole)
    assert (said == "0.0%") == (part == 0)
    assert (said == "100.0%") == (part == whole)


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0"), (1000, "1,000"), (26.25, "26.25"), (3.1700000001, "3.17"), (1234567.5, "1,234,567.5")],
)
def test_numbers_are_grouped_and_not_longer_than_they_must_be(number: float, said: str) -> None:
    assert count(number) == said


def test_lengths_and_plurals() -> None:
    assert (seconds(25.0), seconds(4.13)) == ("25 s", "4.1 s")
    assert (plural(1, "pod"), plural(2, "pod"), plural(0, "was", "were")) == ("1 pod", "2 pods", "0 were")


@given(st.text())
def test_clean_text_holds_no_controls_but_tab_and_newline(text: str) -> None:
    assert all(c in "\t\n" or (ord(c) >= 0x20 and not 0x7F <= ord(c) < 0xA0) for c in clean(text))


def test_colours_go_with_their_escapes() -> None:
    assert clean("\x1b[1;31mred\x1b[0m \x1b]0;title\x07text\r\n") == "red text\n"
    assert one_line(" two\n lines\x1b[K ") == "two lines"


def test_what_runs_it_again_names_the_file_as_the_run_was_told_it() -> None:
    told = lying().model_copy(update={"file": "storms of ours/lying.yaml", "seed": 7})
    assert command(told) == "seawall run 'storms of ours/lying.yaml' --seed 7"
