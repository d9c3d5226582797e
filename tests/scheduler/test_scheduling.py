"""The scheduling loop on the real API."""

import asyncio
import time
from pathlib import Path

import pytest

from cluster.client import Obj
from cluster.objects import condition, node_of
from cluster.scheduler import scheduler as loop
from tests.controllers.world import NAMESPACE, World, pod_template, running


def create(world: World, name: str, **spec: object) -> Obj:
    body = {"metadata": {"name": name, "labels": {"app": name}}, "spec": {**pod_template({})["spec"], **spec}}
    return world.client.create("pods", body, NAMESPACE)


def place(world: World, name: str) -> str:
    return node_of(world.client.get("pods", name, NAMESPACE))


async def test_a_pod_is_bound_and_told_in_the_recorded_shape(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.node("node1")
    async with running(world):
        create(world, "web")
        await world.until(lambda: place(world, "web") == "node1")
        (event,) = world.events("Scheduled")
    assert event["message"] == f"Successfully assigned {NAMESPACE}/web to node1"
    assert event["reportingComponent"] == "default-scheduler"
    assert (event["action"], event["type"], event["firstTimestamp"]) == ("Binding", "Normal", None)
    assert "count" not in event
    assert event["eventTime"]
    scheduled = condition(world.client.get("pods", "web", NAMESPACE), "PodScheduled")
    assert scheduled is not None
    assert scheduled["status"] == "True"


async def test_a_pod_that_fits_nowhere_says_why_and_is_placed_when_a_node_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "BACKOFF_SECONDS_MIN", 0.05)
    world = World(tmp_path)
    world.node("node1")
    world.client.patch("nodes", "node1", "", {"spec": {"unschedulable": True}})
    async with running(world):
        create(world, "web")
        await world.until(lambda: condition(world.client.get("pods", "web", NAMESPACE), "PodScheduled"))
        refused = condition(world.client.get("pods", "web", NAMESPACE), "PodScheduled")
        assert refused is not None
        assert (refused["status"], refused["reason"]) == ("False", "Unschedulable")
        assert refused["message"].startswith("0/1 nodes are available: 1 node(s) were unschedulable. no new claims")
        assert world.said("FailedScheduling")[0] == refused["message"]
        world.node("node2")
        await world.until(lambda: place(world, "web") == "node2")


async def test_a_freed_node_takes_the_pod_that_waited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "BACKOFF_SECONDS_MIN", 0.05)
    world = World(tmp_path)
    world.node("node1", pods="1")
    async with running(world):
        create(world, "first")
        await world.until(lambda: place(world, "first"))
        create(world, "second")
        await world.until(lambda: world.said("FailedScheduling"))
        world.client.delete("pods", "first", NAMESPACE)
        await world.until(lambda: place(world, "second") == "node1")


async def test_what_a_pod_has_given_back_goes_to_the_one_that_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when it is asked to: once its kubelet says that it has."""
    monkeypatch.setattr(loop, "BACKOFF_SECONDS_MIN", 0.05)
    world = World(tmp_path)
    world.node("node1", cpu="1")
    async with running(world):
        create(world, "first", containers=[sized("800m")])
        await world.until(lambda: place(world, "first"))
        has_now(world, "800m")
        create(world, "second", containers=[sized("800m")])
        await world.until(lambda: world.said("FailedScheduling"))
        patch = {"spec": {"containers": [sized("100m")]}}
        world.client.patch("pods", "first", NAMESPACE, patch, subresource="resize")
        await asyncio.sleep(0.2)
        assert not place(world, "second")
        has_now(world, "100m")
        await world.until(lambda: place(world, "second") == "node1")


def sized(cpu: str) -> Obj:
    return {**pod_template({})["spec"]["containers"][0], "resources": {"requests": {"cpu": cpu}}}


def has_now(world: World, cpu: str) -> None:
    """What a kubelet says."""
    name = sized(cpu)["name"]
    has = {"name": name, "allocatedResources": {"cpu": cpu}, "resources": {"requests": {"cpu": cpu}}}
    world.client.patch("pods", "first", NAMESPACE, {"status": {"containerStatuses": [has]}}, subresource="status")


async def test_who_seeks_company_is_placed_when_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "BACKOFF_SECONDS_MIN", 0.05)
    world = World(tmp_path)
    world.node("node1")
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "friend"}}}
    async with running(world):
        required = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
        create(world, "lonely", affinity={"podAffinity": required})
        await world.until(lambda: world.said("FailedScheduling"))
        create(world, "friend")
        await world.until(lambda: place(world, "lonely") == "node1")


async def test_a_repeated_refusal_becomes_a_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "BACKOFF_SECONDS_MIN", 0.0)
    world = World(tmp_path)
    async with running(world):
        world.node("node1", pods="0")
        create(world, "web")
        await world.until(lambda: world.said("FailedScheduling"))
        for step in range(3):
            world.client.patch("nodes", "node1", "", {"metadata": {"labels": {"step": str(step)}}})
            await asyncio.sleep(0.05)
        events = world.events("FailedScheduling")
        assert [e["series"]["count"] for e in events] == [4]


async def test_pods_of_other_schedulers_are_left_alone(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.node("node1")
    async with running(world):
        create(world, "theirs", schedulerName="other")
        create(world, "ours")
        await world.until(lambda: place(world, "ours"))
        assert place(world, "theirs") == ""


async def test_a_hundred_pods_are_placed_evenly_and_cheaply(tmp_path: Path) -> None:
    world = World(tmp_path)
    for name, zone in (("node1", "a"), ("node2", "b"), ("node3", "a")):
        world.node(name, zone)
    world.kubelets.heals = False
    async with running(world):
        before = time.process_time()
        world.deploy(replicas=100)
        await world.until(lambda: sum(bool(node_of(p)) for p in world.pods()) == 100)
        spent = time.process_time() - before
    counts = [sum(node_of(p) == f"node{i}" for p in world.pods()) for i in (1, 2, 3)]
    assert min(counts) >= 25
    # Generous: creating the pods and the test's own polling are in it, and the machine may be busy.
    assert spent < 3.0
