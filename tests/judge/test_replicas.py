"""When replicas, spread and budget held, when they broke, and when nobody can say."""

from typing import Any

import pytest

from chaos.judging.verdict import Criterion
from chaos.recording import Fault, Record, Seen
from tests.judge.tape import INJECTED, TARGET, Tape, terminated

NODE = "node-1"
LABELS = {"app": "storefront"}
SELECTOR = {"matchLabels": LABELS}
OLD, NEW = {**LABELS, "pod-template-hash": "1"}, {**LABELS, "pod-template-hash": "2"}


def criterion(tape: Tape, name: str) -> Criterion:
    return next(c for c in tape.verdict().criteria if c.name == name)


def verdict(tape: Tape, name: str) -> str:
    return criterion(tape, name).verdict


def without(tape: Tape, resource: str, after: float = 20, name: str = "") -> Tape:
    def unwanted(r: Record) -> bool:
        return isinstance(r, Seen) and r.resource == resource and r.t > after and r.name.startswith(name)

    tape.records = [r for r in tape.records if not unwanted(r)]
    return tape


def unanswered(tape: Tape) -> Tape:
    tape.records = [r for r in tape.records if not (isinstance(r, Fault) and r.step == "act")]
    return tape


def budget(tape: Tape, t: float, healthy: int, desired: int = 2, name: str = "storefront", **keys: Any) -> None:
    body = {"selector": SELECTOR, "current": True, "allowed": max(0, healthy - desired)}
    tape.see(t, "PodDisruptionBudget", name, **{**body, "healthy": healthy, "desired": desired, **keys})


def answer(tape: Tape, t: float, code: int, pod: str = TARGET) -> None:
    causes = ["DisruptionBudget"] if code == 429 else []
    data = {"code": code, "causes": causes, "uid": "uid-storefront"}
    said = {201: "eviction granted", 429: "eviction refused", 500: "eviction failed: more than one budget"}[code]
    tape.add(Fault, t, fault="node-drain", step="act", ok=code == 201, target=pod, detail=said, data=data)


def struck(tape: Tape, fault: str, target: str, **data: Any) -> None:
    tape.add(Fault, INJECTED, fault=fault, step="inject", ok=True, target=target, data=data)
    tape.add(Fault, 21, fault=fault, step="witness", ok=True, target=target)


def calm(fault: str, **keys: Any) -> Tape:
    """Three pods with their labels, a budget for two, and a load."""
    tape = Tape("replicas", keys={"fault": {fault: {}}, **keys}).calm()
    for letter in "abc":
        tape.pod(8.5, f"storefront-{letter}", uid="uid-storefront" if letter == "a" else f"uid-{letter}", labels=OLD)
    budget(tape, 8, healthy=3)
    return tape


def moved(tape: Tape, begin: float = 21) -> Tape:
    """The pod goes, and another is Ready in its place two seconds later."""
    tape.pod(begin, deleting=True, labels=OLD)
    tape.endpoints(begin + 0.1, "storefront-b", "storefront-c")
    tape.see(begin + 1, "Pod", TARGET, "DELETED", uid="uid-storefront", app="deployment/storefront", labels=OLD)
    tape.pod(begin + 2, "storefront-d", uid="uid-d", labels=OLD, node="node-2")
    tape.endpoints(begin + 2.1, "storefront-b", "storefront-c", "storefront-d")
    budget(tape, begin, healthy=2)
    budget(tape, begin + 2, healthy=3)
    return tape


def drain(**keys: Any) -> Tape:
    """A node is drained: asked once in vain, then granted, gone, and replaced elsewhere."""
    tape = calm("node-drain", **keys)
    struck(tape, "node-drain", NODE, node=NODE, pods={TARGET: "uid-storefront"})
    answer(tape, 20.6, 429)
    answer(tape, 21, 201)
    return moved(tape)


def blocked() -> Tape:
    """A budget that never lets go: one pod, two wanted."""
    tape = calm("node-drain")
    struck(tape, "node-drain", NODE, node=NODE, pods={TARGET: "uid-storefront"})
    for t in range(21, 45):
        answer(tape, t, 429)
    return tape


def loss(fault: str = "node-loss") -> Tape:
    tape = calm(fault)
    struck(tape, fault, NODE, node=NODE, pods={TARGET: "uid-storefront"})
    return moved(tape)


def rollout(**new: Any) -> Tape:
    """A revision that never becomes Ready: one pod of it beside three old ones."""
    tape = calm("bad-rollout")
    struck(tape, "bad-rollout", "deployment/storefront", old=["storefront-a", "storefront-b", "storefront-c"])
    tape.pod(21, "storefront-n", uid="uid-n", labels=NEW, **{"ready": False, **new})
    tape.event(22, "Unhealthy", "Startup probe failed: connection refused", "Pod/storefront-n")
    return tape


class TestDrain:
    """Asked, refused, asked again, granted, gone, replaced; and nobody noticed."""

    def test_held_when_all_of_it_is_seen(self) -> None:
        found = drain().verdict()
        assert found.verdict == "held"
        names = ["emptied", "budget kept", "always served", "users served", "replaced"]
        assert [c.name for c in found.criteria] == names

    def test_a_refusal_that_was_waited_out_is_the_budget_at_work(self) -> None:
        assert "1 eviction granted (HTTP 201), after 1 refusal (HTTP 429)" in criterion(drain(), "emptied").text

    def test_a_refusal_for_ever_is_a_broken_defense(self) -> None:
        """Though the users never noticed."""
        tape = blocked()
        assert verdict(tape, "users served") == "held"
        assert "24 times asked, 24 times refused" in criterion(tape, "emptied").text
        assert tape.verdict().verdict == "broke"

    def test_two_budgets_for_one_pod_break_the_drain(self) -> None:
        """The eviction API answers 500, which is no refusal that could be waited out."""
        tape = unanswered(blocked())
        for t in range(21, 45):
            answer(tape, t, 500)
        budget(tape, 8, healthy=3, name="other")
        assert verdict(tape, "emptied") == "broke"
        assert "selected by other and storefront" in criterion(tape, "budget kept").text

    def test_a_deleted_pod_proves_nothing_about_a_budget(self) -> None:
        """Gone and replaced, but nobody asked the eviction API."""
        tape = unanswered(drain())
        assert verdict(tape, "emptied") == "not_proven"
        assert verdict(tape, "budget kept") == "not_proven"
        assert tape.verdict().verdict == "not_proven"

    def test_a_pod_that_left_though_it_was_refused_was_removed_by_somebody_else(self) -> None:
        tape = unanswered(drain())
        answer(tape, 20.6, 429)
        assert verdict(tape, "emptied") == "not_proven"

    def test_a_pod_that_still_leaves_at_the_end_has_not_left(self) -> None:
        tape = without(drain(), "Pod", 21.5, TARGET)
        assert verdict(tape, "emptied") == "not_proven"

    def test_a_pod_of_the_same_name_is_another_pod(self) -> None:
        tape = without(drain(), "Pod", 21.5, TARGET)
        tape.see(23, "Pod", TARGET, "DELETED", uid="uid-of-a-later-one", app="deployment/storefront")
        assert verdict(tape, "emptied") == "not_proven"

    def test_what_leaves_after_the_fault_phase_did_not_leave_in_it(self) -> None:
        tape = without(drain(), "Pod", 21.5, TARGET)
        tape.see(46, "Pod", TARGET, "DELETED", uid="uid-storefront", app="deployment/storefront")
        assert verdict(tape, "emptied") == "not_proven"

    def test_a_node_without_pods_proves_nothing(self) -> None:
        tape = calm("node-drain")
        struck(tape, "node-drain", NODE, node=NODE, pods={})
        assert verdict(tape, "emptied") == "not_proven"

    def test_what_is_planned_may_not_lose_requests(self) -> None:
        """Not even for a moment that would be forgiven a storm nobody asked for."""
        tape = drain()
        tape.failing.update({22: 20, 23: 20})
        assert verdict(tape, "users served") == "broke"


class TestBudget:
    """There, asked, and never left with fewer healthy pods than it wants."""

    def test_without_one_none_was_tested(self) -> None:
        found = criterion(without(drain(), "PodDisruptionBudget", 0), "budget kept")
        assert found.verdict == "not_proven"
        assert "no PodDisruptionBudget selects deployment/storefront" in found.text

    def test_one_for_other_pods_is_none(self) -> None:
        tape = without(drain(), "PodDisruptionBudget", 0)
        budget(tape, 8, healthy=3, selector={"matchLabels": {"app": "store"}})
        assert verdict(tape, "budget kept") == "not_proven"

    def test_broke_when_it_was_left_with_too_few(self) -> None:
        tape = drain()
        budget(tape, 21.5, healthy=1)
        found = criterion(tape, "budget kept")
        assert found.verdict == "broke"
        assert "was left with 1" in found.text

    def test_short_before_the_drain_says_nothing_of_the_drain(self) -> None:
        tape = without(drain(), "PodDisruptionBudget", 0)
        budget(tape, 8, healthy=1)
        assert verdict(tape, "budget kept") == "not_proven"

    def test_a_status_older_than_its_spec_says_nothing(self) -> None:
        tape = drain()
        budget(tape, 22, healthy=2, current=False)
        assert verdict(tape, "budget kept") == "not_proven"


class TestServed:
    """A ready endpoint at every moment, and the promise kept."""

    @pytest.mark.parametrize("tape", [drain, loss, rollout])
    def test_broke_when_there_was_a_moment_without(self, tape: Any) -> None:
        found = tape()
        found.endpoints(30)
        found.endpoints(30.2, "storefront-b")
        assert verdict(found, "always served") == "broke"

    def test_broke_when_the_last_went_before_the_fault_was_written_down(self) -> None:
        """A node that two variants share is cut off for both by whoever comes first."""
        found = loss()
        found.endpoints(INJECTED - 0.01)
        assert criterion(found, "always served").text.endswith("had no ready endpoint 0.0 s after the fault")
        assert verdict(found, "always served") == "broke"

    def test_unproven_when_there_was_none_before(self) -> None:
        assert verdict(without(drain(), "EndpointSlice", 0), "always served") == "not_proven"

    def test_what_comes_unasked_is_forgiven_for_a_moment(self) -> None:
        tape = loss()
        tape.failing.update({20: 40, 21: 40})
        assert verdict(tape, "users served") == "held"

    def test_and_not_for_longer_than_the_time_to_recover(self) -> None:
        tape = loss()
        tape.failing.update(dict.fromkeys(range(20, 40), 20))
        assert verdict(tape, "users served") == "broke"

    def test_a_fault_too_short_to_tell_is_unproven(self) -> None:
        tape = loss()
        tape.keys["expect"] = {"defended": {"replicas": "held", "recover": "<= 40s"}}
        tape.failing.update(dict.fromkeys(range(20, 46), 20))
        assert verdict(tape, "users served") == "not_proven"


class TestReplaced:
    """As many Ready pods as before, while the fault was still there."""

    def test_broke_when_one_is_missing(self) -> None:
        found = criterion(without(drain(), "Pod", name="storefront-d"), "replaced")
        assert found.verdict == "broke"
        assert "2 Ready pods of 3" in found.text

    def test_after_the_fault_phase_is_too_late(self) -> None:
        tape = without(drain(), "Pod", name="storefront-d")
        tape.pod(46, "storefront-d", uid="uid-d", labels=OLD)
        assert verdict(tape, "replaced") == "broke"

    def test_unproven_when_none_was_ready_before(self) -> None:
        tape = calm("node-loss")
        tape.records = [r for r in tape.records if not (isinstance(r, Seen) and r.name.startswith("storefront-"))]
        tape.endpoints(9, TARGET)
        struck(tape, "node-loss", NODE, node=NODE, pods={TARGET: "uid-storefront"})
        assert verdict(tape, "replaced") == "not_proven"

    @pytest.mark.parametrize("fault", ["node-loss", "zone-outage"])
    def test_a_loss_asks_no_budget_and_judges_none(self, fault: str) -> None:
        tape = loss(fault)
        assert [c.name for c in tape.verdict().criteria] == ["always served", "users served", "replaced"]
        assert tape.verdict().verdict == "held"

    def test_a_crash_loop_keeps_its_pods_down_and_asks_only_for_the_others(self) -> None:
        tape = calm("crash-loop")
        struck(tape, "crash-loop", TARGET, pod=TARGET, uid="uid-storefront")
        tape.pod(21, ready=False, labels=OLD)
        tape.endpoints(21.1, "storefront-b", "storefront-c")
        assert [c.name for c in tape.verdict().criteria] == ["always served", "users served"]
        assert tape.verdict().verdict == "held"
        tape.endpoints(30)
        assert verdict(tape, "always served") == "broke"

    @pytest.mark.parametrize(("lost", "said"), [({21: 1, 30: 2, 40: 2}, "held"), ({21: 5, 30: 6}, "broke")])
    def test_blow_after_blow_is_judged_by_all_of_it(self, lost: dict[int, int], said: str) -> None:
        """Few requests late in the fault are no late recovery; many early on are not forgiven."""
        tape = calm("crash-loop")
        struck(tape, "crash-loop", TARGET, pod=TARGET, uid="uid-storefront")
        tape.failing.update(lost)
        assert verdict(tape, "users served") == said


class TestRollout:
    """The old revision serves on, and somebody can see why the new one does not come."""

    def test_held_when_the_rollout_stands_still_and_says_why(self) -> None:
        found = rollout().verdict()
        assert found.verdict == "held"
        assert [c.name for c in found.criteria] == ["stopped", "visible", "always served", "users served"]

    def test_broke_when_the_last_old_pod_went(self) -> None:
        tape = rollout()
        for letter in "abc":
            tape.pod(23, f"storefront-{letter}", uid=f"uid-{letter}", labels=OLD, deleting=True)
        assert verdict(tape, "stopped") == "broke"

    def test_broke_when_the_broken_revision_is_called_ready(self) -> None:
        assert verdict(rollout(ready=True), "visible") == "broke"

    def test_a_crash_of_the_new_revision_is_no_readiness(self) -> None:
        assert verdict(rollout(state=terminated("Error", 1)), "visible") == "held"

    def test_a_rollout_that_nobody_complains_of_is_unproven(self) -> None:
        assert verdict(without(rollout(), "Event"), "visible") == "not_proven"

    def test_the_deployment_itself_may_say_it(self) -> None:
        tape = without(rollout(), "Event")
        gave_up = {"Progressing": {"status": "False", "reason": "ProgressDeadlineExceeded"}}
        tape.see(30, "Deployment", "storefront", conditions=gave_up)
        assert verdict(tape, "visible") == "held"

    def test_without_a_new_pod_no_rollout_was_seen(self) -> None:
        tape = without(rollout(), "Pod", name="storefront-n")
        assert (verdict(tape, "stopped"), verdict(tape, "visible")) == ("not_proven", "not_proven")

    def test_the_workloads_own_pods_are_no_bystanders(self) -> None:
        cost = rollout(state=terminated("Error", 1)).only().impact
        assert cost is not None
        assert cost.bystanders_hurt == ()


def test_a_fault_that_nobody_saw_bite_proves_nothing() -> None:
    tape = drain()
    tape.records = [r for r in tape.records if not (isinstance(r, Fault) and r.step == "witness")]
    found = tape.verdict()
    assert (found.verdict, found.criteria) == ("not_proven", ())


def test_pods_that_leave_with_their_node_are_no_bystanders() -> None:
    cost = drain().only().impact
    assert cost is not None
    assert cost.bystanders_hurt == ()
