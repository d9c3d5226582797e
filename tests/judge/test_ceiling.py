"""When an autoscaler's ceiling held, when there was none, and when nobody can say; and what was bought."""

from typing import Any

import pytest

from chaos.judging.verdict import Criterion
from tests.judge.tape import Tape

REACHED = {"ScalingLimited": {"status": "True", "reason": "TooManyReplicas"}}


def spike(*, most: int, pods: int, limited: bool, variant: str = "defended", **keys: Any) -> Tape:
    """Traffic that wants many pods: from 30 s on there are as many as `pods`."""
    tape = Tape("resources", variant, keys={"fault": {"traffic-spike": {"times": 8}}, **keys}).calm()
    scaler: dict[str, Any] = {"target": "deployment/storefront", "least": 3, "most": most, "current": 3}
    tape.see(8, "HorizontalPodAutoscaler", "storefront", desired=3, conditions={}, **scaler)
    tape.inject(target="deployment/storefront", fault="traffic-spike")
    tape.witness(target="deployment/storefront")
    conditions = REACHED if limited else {}
    tape.see(30, "HorizontalPodAutoscaler", "storefront", desired=pods, conditions=conditions, **scaler)
    for number in range(3, pods):
        tape.pod(30, f"storefront-{number}", uid=f"uid-{number}")
    return tape


def stopped(tape: Tape) -> Criterion:
    return next(c for c in tape.verdict().criteria if c.name == "stopped at a ceiling")


def test_held_by_an_autoscaler_that_wanted_more_and_got_no_more() -> None:
    tape = spike(most=6, pods=6, limited=True)
    assert stopped(tape).verdict == "held"
    assert stopped(tape).text == "deployment/storefront grew from 3 to 6 pods, and its ceiling of 6 stopped it"
    assert tape.verdict().verdict == "held"


def test_broke_where_nothing_would_have_stopped_it() -> None:
    found = stopped(spike(most=1000, pods=14, limited=False))
    assert found.verdict == "broke"
    assert "grew from 3 to 14 pods, and nothing was to stop it before 1000, 333 times its floor of 3" in found.text
    assert [e.text for e in found.evidence] == ["wants 14 pods"]


@pytest.mark.parametrize(("most", "pods"), [(6, 5), (6, 3), (1000, 3)])
def test_a_ceiling_that_nobody_came_near_proves_nothing(most: int, pods: int) -> None:
    assert stopped(spike(most=most, pods=pods, limited=False)).verdict == "not_proven"


def test_a_ceiling_at_which_users_are_failed_is_too_low() -> None:
    tape = spike(most=6, pods=6, limited=True)
    tape.failing.update(dict.fromkeys(range(30, 60), 13))
    assert tape.verdict().verdict == "broke"


def test_what_was_bought_is_counted_for_every_thousand_answers() -> None:
    """Three pods for 39.5 s, three more for 30 s, of 50 millicores each; 40 answers a second."""
    cost = spike(most=6, pods=6, limited=True).only().impact
    assert cost is not None
    assert cost.pod_seconds == pytest.approx((3 * 39.5 + 3 * 30) / 1.58, rel=0.03)
    assert cost.cpu_seconds == pytest.approx((cost.pod_seconds or 0) * 0.05, rel=0.03)


def test_without_an_autoscaler_nothing_was_bought_by_it() -> None:
    only = Tape("resources").calm()
    only.inject()
    cost = only.only().impact
    assert cost is not None
    assert (cost.pod_seconds, cost.cpu_seconds) == (None, None)
