"""What users got, against what they were promised."""

import pytest

from chaos.judging.history import Second
from chaos.judging.steady import unkept
from chaos.promise import SteadyState


def stretch(*lost: int, each: int) -> list[Second]:
    """Seconds with so many requests each, of which so many were lost."""
    return [Second(t=t, intended=each, sent=each, ok=each - gone) for t, gone in enumerate(lost)]


@pytest.mark.parametrize(
    ("promise", "lost", "each", "kept"),
    [
        (">= 99%", (0, 0, 1, 0, 0), 19, True),
        (">= 99%", (0, 1, 1, 0, 0), 19, False),
        (">= 99%", (0, 1, 1, 0, 0), 40, True),
        (">= 99%", (0, 1, 1, 1, 0), 40, False),
        (">= 99.9%", (0, 0, 1, 0, 0), 40, True),
        (">= 100%", (0, 0, 1, 0, 0), 19, False),
    ],
)
def test_a_single_lost_request_is_no_loss_where_less_than_a_whole_one_is_allowed(
    promise: str, lost: tuple[int, ...], each: int, *, kept: bool
) -> None:
    wanted = SteadyState.model_validate({"availability": promise})
    assert (unkept(stretch(*lost, each=each), wanted, timeout=1) == []) is kept
