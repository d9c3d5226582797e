"""A more important pod pushes less important ones off a node: as few as can be, and rather not against a budget."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.client import NotFound, Obj
from cluster.objects import condition, node_of
from cluster.scheduler import scheduler as loop
from cluster.scheduler.facts import NodeFacts, PodFacts
from cluster.scheduler.filters import NODE_FILTERS, refusals
from cluster.scheduler.preemption import Sacrifice, choose
from tests.controllers.world import NAMESPACE, World, deployment, pod_template, running


def pod(name: str, priority: int, cpu: int, **labels: str) -> PodFacts:
    container = {"name": "app", "resources": {"requests": {"cpu": f"{cpu}m"}}}
    metadata = {"name": name, "uid": name, "namespace": "shop", "labels": labels}
    return PodFacts({"metadata": metadata, "spec": {"priority": priority, "containers": [container]}, "status": {}})


def node(name: str, *pods: PodFacts) -> NodeFacts:
    allocatable = {"cpu": "1", "memory": "1Gi", "pods": "110"}
    found = NodeFacts({"metadata": {"name": name}, "status": {"allocatable": allocatable}})
    for one in pods:
        found.add(one)
    return found


def budget(allowed: int, **labels: str) -> Obj:
    metadata, spec = {"name": "b", "namespace": "shop"}, {"selector": {"matchLabels": labels}}
    return {"metadata": metadata, "spec": spec, "status": {"disruptionsAllowed": allowed}}


def chosen(for_: PodFacts, *nodes: NodeFacts, budgets: tuple[Obj, ...] = ()) -> Sacrifice | None:
    _, refused = refusals(for_, nodes, NODE_FILTERS)
    return choose(for_, nodes, refused, lambda _, one: not refusals(for_, [one], NODE_FILTERS)[1], budgets)


def gone(found: Sacrifice | None) -> tuple[str, list[str]]:
    assert found is not None
    return found.node, [victim.uid for victim in found.victims]


IMPORTANT = pod("important", 100, 600)


class TestChoice:
    def test_no_more_go_than_must(self) -> None:
        crowded = node("a", pod("x", 1, 300), pod("y", 2, 300), pod("z", 3, 300))
        assert gone(chosen(IMPORTANT, crowded)) == ("a", ["y", "x"])

    def test_the_node_with_the_least_important_victims_is_chosen(self) -> None:
        found = chosen(IMPORTANT, node("a", pod("x", 50, 900)), node("b", pod("y", 10, 900)))
        assert gone(found) == ("b", ["y"])

    def test_a_budget_is_rather_kept_even_if_more_is_lost(self) -> None:
        nodes = node("a", pod("x", 1, 900, app="shop")), node("b", pod("y", 50, 900))
        assert gone(chosen(IMPORTANT, *nodes, budgets=(budget(0, app="shop"),))) == ("b", ["y"])
        assert gone(chosen(IMPORTANT, *nodes, budgets=(budget(1, app="shop"),))) == ("a", ["x"])

    def test_but_broken_where_there_is_no_other_way(self) -> None:
        found = chosen(IMPORTANT, node("a", pod("x", 1, 900, app="shop")), budgets=(budget(0, app="shop"),))
        assert gone(found) == ("a", ["x"])
        assert found is not None
        assert found.violations == 1

    @pytest.mark.parametrize("priority", [100, 101])
    def test_nobody_as_important_goes(self, priority: int) -> None:
        assert chosen(IMPORTANT, node("a", pod("x", priority, 900))) is None

    @given(st.lists(st.tuples(st.integers(0, 200), st.integers(50, 900)), min_size=1, max_size=6))
    def test_whoever_goes_is_less_important_and_needed(self, others: list[tuple[int, int]]) -> None:
        there = [pod(f"p{i}", priority, cpu) for i, (priority, cpu) in enumerate(others)]
        full = node("a", *there)
        found = chosen(IMPORTANT, full)
        if found is None:
            return
        assert all(victim.priority < IMPORTANT.priority for victim in found.victims)
        kept = [p for p in there if p not in found.victims]
        used = sum(p.requests["cpu"] for p in kept) + 600
        assert used <= 1000
        assert all(used + victim.requests["cpu"] > 1000 for victim in found.victims)
        assert len(full.pods) == len(there), "nothing is done to the node itself"


def priority_class(world: World, name: str, value: int, **more: Any) -> None:
    world.client.create("priorityclasses.scheduling.k8s.io", {"metadata": {"name": name}, "value": value, **more})


def spec(priority: str = "", cpu: str = "600m") -> Obj:
    template = pod_template({"app": "web"}, **({"priorityClassName": priority} if priority else {}))
    template["spec"]["containers"][0]["resources"] = {"requests": {"cpu": cpu}}
    return template


def create(world: World, name: str, priority: str = "") -> Obj:
    return world.client.create("pods", {"metadata": {"name": name}, "spec": spec(priority)["spec"]}, NAMESPACE)


def get(world: World, name: str) -> Obj:
    return world.client.get("pods", name, NAMESPACE)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(loop, "BACKOFF_SECONDS_MIN", 0.05)
    world = World(tmp_path)
    world.node("node1", cpu="1")
    priority_class(world, "high", 1000)
    priority_class(world, "patient", 1000, preemptionPolicy="Never")
    return world


async def test_the_victim_is_told_and_the_pod_waits_for_its_node(small: World) -> None:
    async with running(small):
        small.kubelets.ends = False
        create(small, "low")
        await small.until(lambda: node_of(get(small, "low")))
        high = create(small, "high", "high")
        await small.until(lambda: get(small, "high")["status"].get("nominatedNodeName") == "node1")
        victim = get(small, "low")
        assert victim["metadata"]["deletionTimestamp"]
        told = condition(victim, "DisruptionTarget")
        assert told is not None
        assert (told["reason"], told["message"]) == (
            "PreemptionByScheduler",
            "default-scheduler: preempting to accommodate a higher priority pod",
        )
        assert small.said("Preempted") == [f"Preempted by pod {high['metadata']['uid']} on node node1"]
        assert small.said("FailedScheduling") == ["0/1 nodes are available: 1 Insufficient cpu."]
        small.client.delete("pods", "low", NAMESPACE, grace_seconds=0)
        await small.until(lambda: node_of(get(small, "high")) == "node1")
        assert "nominatedNodeName" not in get(small, "high")["status"]


async def test_the_room_is_kept_from_those_who_had_to_leave(small: World) -> None:
    async with running(small):
        small.client.create("deployments.apps", deployment(replicas=1, template=spec()), NAMESPACE)
        await small.until(lambda: [p for p in small.pods(app="web") if node_of(p)])
        create(small, "high", "high")
        await small.until(lambda: node_of(get(small, "high")) == "node1")
        await small.until(lambda: small.pods(app="web"))
        await asyncio.sleep(0.2)
        assert [node_of(p) for p in small.pods(app="web")] == [""]


async def test_who_may_not_preempt_waits(small: World) -> None:
    async with running(small):
        create(small, "low")
        await small.until(lambda: node_of(get(small, "low")))
        create(small, "patient", "patient")
        await small.until(lambda: small.said("FailedScheduling"))
        assert small.said("FailedScheduling")[0].endswith("preemption: not eligible due to preemptionPolicy=Never.")
        try:
            assert "deletionTimestamp" not in get(small, "low")["metadata"]
        except NotFound:
            pytest.fail("it was removed")
