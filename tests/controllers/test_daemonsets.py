"""DaemonSets: a pod on every node that takes it, and none elsewhere."""

from typing import Any

import pytest

from cluster.client import Invalid, Obj
from cluster.objects import node_of
from tests.controllers.world import NAMESPACE, World, pod_template

RESOURCE = "daemonsets.apps"


def declare(world: World, *, image: str = "python:3.12-slim", **spec: Any) -> None:
    template = pod_template({"app": "agent"}, image=image, **spec)
    body = {"selector": {"matchLabels": {"app": "agent"}}, "template": template}
    world.client.create(RESOURCE, {"metadata": {"name": "agent"}, "spec": body}, NAMESPACE)


def status(world: World) -> Obj:
    found: Obj = world.client.get(RESOURCE, "agent", NAMESPACE)["status"]
    return found


def places(world: World) -> list[str]:
    return sorted(node_of(p) for p in world.pods())


def change_node(world: World, name: str, patch: Obj) -> None:
    world.client.patch("nodes", name, "", patch)


async def test_every_node_gets_one_pod_and_so_does_a_node_that_joins(world: World) -> None:
    declare(world)
    await world.until(lambda: status(world).get("numberAvailable") == 3)
    assert places(world) == ["node1", "node2", "node3"]
    assert status(world) == {
        "currentNumberScheduled": 3,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 3,
        "numberReady": 3,
        "observedGeneration": 1,
        "updatedNumberScheduled": 3,
        "numberAvailable": 3,
    }
    assert len(world.said("SuccessfulCreate")) == 3
    world.node("node4")
    await world.until(lambda: places(world) == ["node1", "node2", "node3", "node4"])


async def test_labels_and_taints_choose_nodes_but_a_cordon_does_not(world: World) -> None:
    change_node(world, "node1", {"metadata": {"labels": {"disk": "ssd"}}})
    change_node(world, "node2", {"metadata": {"labels": {"disk": "ssd"}}, "spec": {"unschedulable": True}})
    declare(world, nodeSelector={"disk": "ssd"})
    await world.until(lambda: places(world) == ["node1", "node2"])
    change_node(world, "node1", {"spec": {"taints": [{"key": "only", "value": "us", "effect": "NoSchedule"}]}})
    await world.until(lambda: status(world)["desiredNumberScheduled"] == 1)
    assert places(world) == ["node1", "node2"], "who is there stays"
    assert status(world)["numberMisscheduled"] == 1
    change_node(world, "node1", {"metadata": {"labels": {"disk": None}}})
    await world.until(lambda: places(world) == ["node2"])


async def test_an_update_replaces_one_pod_at_a_time(world: World) -> None:
    declare(world)
    await world.until(lambda: status(world).get("numberAvailable") == 3)
    world.kubelets.heals = False
    world.client.patch(
        RESOURCE, "agent", NAMESPACE, {"spec": {"template": pod_template({"app": "agent"}, image="python:3.13-slim")}}
    )
    await world.until(lambda: status(world).get("numberUnavailable") == 1)
    await world.settle()
    assert status(world)["numberAvailable"] == 2
    world.kubelets.heals = True
    for pod in world.pods():
        world.kubelets.care(NAMESPACE, pod["metadata"]["name"])
    await world.until(lambda: status(world).get("updatedNumberScheduled") == 3 and status(world)["numberReady"] == 3)
    assert {p["spec"]["containers"][0]["image"] for p in world.pods()} == {"python:3.13-slim"}


async def test_a_deleted_pod_comes_back_on_its_node(world: World) -> None:
    declare(world)
    await world.until(lambda: status(world).get("numberAvailable") == 3)
    lost = world.pods()[0]["metadata"]["name"]
    world.client.delete("pods", lost, NAMESPACE)
    await world.until(lambda: places(world) == ["node1", "node2", "node3"] and lost not in str(world.pods()))


async def test_an_update_that_surges_keeps_the_old_pod_until_the_new_one_is_available(world: World) -> None:
    declare(world)
    await world.until(lambda: status(world).get("numberAvailable") == 3)
    world.kubelets.heals = False
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    template = pod_template({"app": "agent"}, image="python:3.13-slim")
    world.client.patch(RESOURCE, "agent", NAMESPACE, {"spec": {"template": template, "updateStrategy": strategy}})
    await world.until(lambda: len(world.pods()) == 4)
    await world.settle()
    assert len(world.pods()) == 4, "one at a time"
    assert status(world)["numberAvailable"] == 3
    world.kubelets.heals = True
    for pod in world.pods():
        world.kubelets.care(NAMESPACE, pod["metadata"]["name"])
    await world.until(lambda: status(world).get("updatedNumberScheduled") == 3 and len(world.pods()) == 3)


def test_an_update_surges_or_does_without_but_not_both(world: World) -> None:
    declare(world)
    both = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}
    with pytest.raises(Invalid, match="may not be set when maxUnavailable is non-zero"):
        world.client.patch(RESOURCE, "agent", NAMESPACE, {"spec": {"updateStrategy": both}})
