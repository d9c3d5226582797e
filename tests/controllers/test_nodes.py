"""Nodes that fall silent, and what becomes of their pods; as recorded in `node-crash`."""

from collections.abc import AsyncIterator

import pytest

from cluster.client import Obj
from cluster.objects import condition, is_going, is_pod_ready, node_of
from cluster.taints import tolerated_seconds, tolerates
from tests.controllers.world import NAMESPACE, World, pod_template, running

GRACE = 1.0


@pytest.fixture
async def world(still: World) -> AsyncIterator[World]:
    """Nodes here are given up after a second without a heartbeat."""
    async with running(still, grace_seconds=GRACE):
        yield still


def patient(seconds: float) -> Obj:
    toleration = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}
    keys = ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready")
    return pod_template({"app": "web"}, tolerations=[{"key": key, **toleration} for key in keys])


def taints(world: World, name: str) -> set[tuple[str, str]]:
    found = world.client.get("nodes", name)["spec"].get("taints") or ()
    return {(t["key"].removeprefix("node.kubernetes.io/"), t["effect"]) for t in found}


async def lose(world: World, name: str) -> None:
    """Let the node fall silent while the others keep telling."""

    def lost() -> bool:
        for node in world.client.list("nodes"):
            if node["metadata"]["name"] != name:
                world.beat(node["metadata"]["name"])
        ready = condition(world.client.get("nodes", name), "Ready")
        return ready is not None and ready["status"] == "Unknown"

    await world.until(lost)


async def test_a_silent_node_is_unknown_and_tainted(world: World) -> None:
    await lose(world, "node2")
    await world.until(lambda: taints(world, "node2") == {("unreachable", "NoExecute"), ("unreachable", "NoSchedule")})
    ready = condition(world.client.get("nodes", "node2"), "Ready")
    assert ready is not None
    assert (ready["reason"], ready["message"]) == ("NodeStatusUnknown", "Kubelet stopped posting node status.")
    assert "Node node2 status is now: NodeNotReady" in world.said("NodeNotReady")
    assert taints(world, "node1") == set()


async def test_its_pods_lose_readiness_at_once_and_leave_after_their_toleration(world: World) -> None:
    world.deploy(template=patient(1))
    await world.until(lambda: len([p for p in world.pods() if is_pod_ready(p)]) == 3)
    there = [p["metadata"]["name"] for p in world.pods() if node_of(p) == "node2"]
    assert there
    world.kubelets.ends = False
    await lose(world, "node2")
    await world.until(lambda: not any(is_pod_ready(world.client.get("pods", name, NAMESPACE)) for name in there))
    assert "Node is not ready" in world.said("NodeNotReady")

    def evicted() -> bool:
        for name in ("node1", "node3"):
            world.beat(name)
        return all(is_going(world.client.get("pods", name, NAMESPACE)) for name in there)

    await world.until(evicted)
    pod = world.client.get("pods", there[0], NAMESPACE)
    target = condition(pod, "DisruptionTarget")
    assert target is not None
    assert target["reason"] == "DeletionByTaintManager"
    assert f"Marking for deletion Pod {NAMESPACE}/{there[0]}" in world.said("TaintManagerEviction")


async def test_a_node_that_comes_back_loses_its_taints(world: World) -> None:
    await lose(world, "node2")
    await world.until(lambda: len(taints(world, "node2")) == 2)
    node = world.client.get("nodes", "node2")
    conditions = [{**c, "status": "True" if c["type"] == "Ready" else "False"} for c in node["status"]["conditions"]]
    world.beat("node2")
    world.client.update("nodes", {**node, "status": {**node["status"], "conditions": conditions}}, subresource="status")
    await world.until(lambda: taints(world, "node2") == set())


async def test_a_cordoned_node_is_tainted_until_it_is_uncordoned(world: World) -> None:
    world.client.patch("nodes", "node1", "", {"spec": {"unschedulable": True}})
    await world.until(lambda: taints(world, "node1") == {("unschedulable", "NoSchedule")})
    world.client.patch("nodes", "node1", "", {"spec": {"unschedulable": None}})
    await world.until(lambda: taints(world, "node1") == set())


async def test_pods_of_a_node_that_no_longer_exists_are_collected(world: World) -> None:
    world.deploy()
    await world.until(lambda: len([p for p in world.pods() if is_pod_ready(p)]) == 3)
    there = [p["metadata"]["name"] for p in world.pods() if node_of(p) == "node2"]
    world.kubelets.ends = False
    world.client.delete("nodes", "node2")
    await world.settle()
    assert all(world.client.get("pods", name, NAMESPACE) for name in there)
    world.ahead += 41
    world.beat("node1")
    world.beat("node3")
    for name in there:
        world.client.delete("pods", name, NAMESPACE)
    await world.until(lambda: not {p["metadata"]["name"] for p in world.pods()} & set(there))


def test_tolerations_follow_the_page_on_taints() -> None:
    taint = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
    assert tolerates({"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}, taint)
    assert tolerates({"key": "gpu", "operator": "Exists"}, taint)
    assert tolerates({"operator": "Exists"}, taint)
    assert not tolerates({"key": "gpu", "value": "no"}, taint)
    assert not tolerates({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, taint)


def test_the_shortest_toleration_counts_and_an_untolerated_taint_waits_for_nothing() -> None:
    taints = [{"key": "a", "effect": "NoExecute"}, {"key": "b", "effect": "NoExecute"}]
    a, b = ({"key": key, "operator": "Exists", "tolerationSeconds": s} for key, s in (("a", 300), ("b", 20)))
    assert tolerated_seconds({"spec": {"tolerations": [a, b]}}, taints) == 20
    assert tolerated_seconds({"spec": {"tolerations": [a]}}, taints) == 0
    assert tolerated_seconds({"spec": {"tolerations": [{"operator": "Exists"}]}}, taints) is None
