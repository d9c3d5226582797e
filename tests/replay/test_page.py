"""docs/fidelity.md speaks of the cases that there are."""

from pathlib import Path

from tests.replay.compare import Comparison, Known
from tests.replay.known import NOT_REPLAYED
from tests.replay.page import page
from tests.replay.run import CASES

PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"


def test_every_recorded_case_is_on_the_page_and_none_disagrees() -> None:
    text = PAGE.read_text()
    assert [name for name in (*CASES, *NOT_REPLAYED) if name not in text] == []
    assert "| disagrees |" not in text


def test_a_difference_is_told_once_with_the_cases_it_is_in() -> None:
    known = Known("x", "because of the weather")
    found = Comparison(agreeing=1, total=2, missing=(), extra=(), timing=(), known=(known,))
    text = page({"oomkilled": found, "child-oom": found})
    assert text.count("- because of the weather (child-oom, oomkilled)") == 1
    assert "| together | 2 / 4 |" in text
