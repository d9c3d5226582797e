"""The algorithm of horizontal pod autoscaling, as its page in the Kubernetes documentation tells it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.client import Obj
from cluster.controllers.hpa_limits import Decision, Past, decide, remember
from cluster.controllers.hpa_replicas import Proposal, Sample, Target, Tolerance, Uncountable, propose
from cluster.timestamps import format_time

NOW = 1_800_000_000.0
HALF = Target(resource="cpu", utilization=50)
NOTHING = Past()
FAST: Obj = {
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [
            {"type": "Pods", "value": 4, "periodSeconds": 15},
            {"type": "Percent", "value": 100, "periodSeconds": 15},
        ],
    },
    "scaleDown": {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
}


def pod(name: str, *, cpu: str | None = "100m", age: float = 1000.0, ready: bool = True, phase: str = "Running") -> Obj:
    container = {"name": "app", "resources": {"requests": {"cpu": cpu}} if cpu else {}}
    moment = format_time(NOW - age)
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": moment}
    status = {"phase": phase, "startTime": moment, "conditions": [condition]}
    return {"metadata": {"name": name}, "spec": {"containers": [container]}, "status": status}


def ask(uses: dict[str, int], *others: Obj, target: Target = HALF, current: int = 0) -> Proposal:
    """Of pods that use so many millicores, and others of which no metrics are."""
    pods = [*(pod(name) for name in uses), *others]
    samples = {name: Sample(amount, NOW - 5, 15) for name, amount in uses.items()}
    return propose(target, pods, samples, current or len(pods), Tolerance(), NOW)


class TestReplicas:
    @pytest.mark.parametrize(
        ("used", "current", "replicas"),
        [(100, 2, 4), (25, 4, 2), (54, 2, 2), (56, 2, 3), (46, 10, 10), (44, 10, 9), (0, 3, 0)],
    )
    def test_replicas_follow_the_ratio_beyond_a_tenth(self, used: int, current: int, replicas: int) -> None:
        assert ask({f"p{i}": used for i in range(current)}).replicas == replicas

    def test_an_amount_for_each_pod_is_a_target_too(self) -> None:
        found = ask({"a": 300, "b": 100}, target=Target(resource="cpu", average=100))
        assert found == Proposal(4, 200, None)

    def test_the_share_is_that_of_all_requests_together(self) -> None:
        assert ask({"a": 10, "b": 150}) == Proposal(4, 80, 80)

    def test_a_pod_without_metrics_is_taken_to_use_nothing_when_scaling_up(self) -> None:
        assert ask({"a": 200, "b": 200}, pod("new")).replicas == 8
        assert ask({"a": 75}, pod("new"), current=2).replicas == 2

    def test_and_all_of_its_request_when_scaling_down(self) -> None:
        assert ask({"a": 10, "b": 10, "c": 10}).replicas == 1
        assert ask({"a": 10, "b": 10, "c": 10}, pod("new")).replicas == 3

    def test_a_pod_that_starts_says_nothing_yet(self) -> None:
        starting = pod("b", age=10, ready=False)
        samples = {"a": Sample(100, NOW - 5, 15), "b": Sample(1000, NOW - 5, 15)}
        assert propose(HALF, [pod("a"), starting], samples, 2, Tolerance(), NOW).replicas == 2

    def test_nor_one_whose_metrics_are_from_before_it_was_ready(self) -> None:
        fresh = pod("b", age=10)
        samples = {"a": Sample(50, NOW - 5, 15), "b": Sample(1000, NOW - 5, 15)}
        assert propose(HALF, [pod("a"), fresh], samples, 2, Tolerance(), NOW) == Proposal(2, 50, 50)

    @pytest.mark.parametrize(
        ("pods", "said"),
        [
            ([], "no pods returned by selector while calculating replica count"),
            ([pod("a", cpu=None)], "missing request for cpu in container app of Pod a"),
            ([pod("a", phase="Pending")], r"did not receive metrics for targeted pods \(pods might be unready\)"),
        ],
    )
    def test_what_cannot_be_counted_is_told(self, pods: list[Obj], said: str) -> None:
        with pytest.raises(Uncountable, match=said):
            propose(HALF, pods, {"a": Sample(1, NOW, 15)}, 1, Tolerance(), NOW)

    @given(st.dictionaries(st.text("abc", min_size=1), st.integers(0, 1000), min_size=1), st.integers(0, 5))
    def test_unknown_pods_never_make_a_change_larger(self, uses: dict[str, int], unknown: int) -> None:
        current = len(uses) + unknown
        enough = -(-sum(uses.values()) // 50)
        found = ask(uses, *(pod(f"x{i}") for i in range(unknown)), current=current)
        ratio = found.utilization or 0
        if ratio > 55:
            assert current <= found.replicas <= max(current, enough)
        if ratio < 45:
            assert found.replicas <= current


def limits(current: int, asked: int, past: Past = NOTHING, **spec: Any) -> Decision:
    return decide({"minReplicas": 1, "maxReplicas": 100} | spec, current, asked, past, NOW)


class TestLimits:
    def test_without_behavior_it_goes_up_to_the_double_or_four(self) -> None:
        assert [limits(n, 50).replicas for n in (1, 2, 3, 10)] == [4, 4, 6, 20]
        assert limits(1, 50).limit.reason == "ScaleUpLimit"

    def test_and_not_down_for_five_minutes(self) -> None:
        past = Past(asked=[(NOW - 299, 7)])
        held = limits(7, 2, past)
        assert (held.replicas, held.able.reason, held.limited) == (7, "ScaleDownStabilized", False)
        assert limits(7, 2, Past(asked=[(NOW - 301, 7)])).replicas == 2

    def test_bounds_are_kept_and_told(self) -> None:
        assert limits(3, 9, maxReplicas=5) == limits(3, 50, maxReplicas=5)
        assert (limits(3, 9, maxReplicas=5).replicas, limits(3, 9, maxReplicas=5).limit.reason) == (
            5,
            "TooManyReplicas",
        )
        down = limits(3, 0, minReplicas=2)
        assert (down.replicas, down.limit.reason, down.limited) == (2, "TooFewReplicas", True)

    def test_policies_bound_the_change_of_each_period(self) -> None:
        assert limits(2, 50, behavior=FAST).replicas == 6
        assert limits(10, 50, behavior=FAST).replicas == 20
        grown = Past(changed=[(NOW - 10, 4)])
        assert limits(6, 50, grown, behavior=FAST).replicas == 6
        assert limits(6, 50, Past(changed=[(NOW - 16, 4)]), behavior=FAST).replicas == 12

    def test_the_smaller_change_or_none_can_be_chosen(self) -> None:
        slow = {**FAST, "scaleUp": {**FAST["scaleUp"], "selectPolicy": "Min"}}
        assert limits(2, 50, behavior=slow).replicas == 4
        never = {**FAST, "scaleDown": {**FAST["scaleDown"], "selectPolicy": "Disabled"}}
        stuck = limits(5, 1, behavior=never)
        assert (stuck.replicas, stuck.limit.reason) == (5, "ScaleDownLimit")

    def test_a_window_upwards_takes_the_lowest_of_it(self) -> None:
        patient = {**FAST, "scaleUp": {**FAST["scaleUp"], "stabilizationWindowSeconds": 60}}
        found = limits(2, 6, Past(asked=[(NOW - 30, 3)]), behavior=patient)
        assert (found.replicas, found.able.reason) == (3, "ScaleUpStabilized")

    @given(
        current=st.integers(1, 100),
        asked=st.integers(0, 500),
        low=st.integers(1, 10),
        more=st.integers(0, 90),
        past=st.lists(st.tuples(st.floats(0, 600), st.integers(0, 200))),
        behavior=st.sampled_from([None, FAST]),
    )
    def test_no_past_and_no_wish_leads_out_of_the_bounds(
        self, current: int, asked: int, low: int, more: int, past: list[tuple[float, int]], behavior: Obj | None
    ) -> None:
        current = min(max(current, low), low + more)
        known = Past(asked=[(NOW - ago, n) for ago, n in past])
        spec = {"minReplicas": low, "maxReplicas": low + more} | ({"behavior": behavior} if behavior else {})
        found = limits(current, asked, known, **spec)
        assert low <= found.replicas <= low + more
        if not found.limited and found.able.reason == "ReadyForNewScale":
            assert found.replicas == asked

    def test_what_is_too_old_is_forgotten(self) -> None:
        past = remember(Past(asked=[(NOW - 400, 9), (NOW - 100, 5)], changed=[(NOW - 400, 2)]), 3, NOW, 300)
        assert past == Past(asked=[(NOW - 100, 5), (NOW, 3)], changed=[])
