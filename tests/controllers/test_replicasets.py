"""ReplicaSets alone: who goes first, how creating starts, what a refusal leaves."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cluster.client import Obj
from cluster.controllers.replicaset import slow_start
from cluster.controllers.scale_down import DELETION_COST, pods_to_delete
from cluster.objects import condition
from cluster.timestamps import format_time
from tests.controllers.world import NAMESPACE, World, pod_template

NOW = 1_800_000_000.0


def pod(
    name: str,
    *,
    node: str = "node1",
    phase: str = "Running",
    ready_for: float | None = 100,
    cost: str = "0",
    restarts: int = 0,
    age: float = 1000,
) -> Obj:
    conditions = []
    if ready_for is not None:
        conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": format_time(NOW - ready_for)}]
    metadata = {"name": name, "uid": name, "creationTimestamp": format_time(NOW - age)}
    return {
        "metadata": metadata | {"annotations": {DELETION_COST: cost}},
        "spec": {"nodeName": node},
        "status": {"phase": phase, "conditions": conditions, "containerStatuses": [{"restartCount": restarts}]},
    }


def first(*pods: Obj) -> str:
    return str(pods_to_delete(pods, 1, pods, NOW)[0]["metadata"]["name"])


def test_who_goes_first() -> None:
    old, young = pod("old", age=1000, ready_for=1000), pod("young", age=2, ready_for=1)
    assert first(old, pod("homeless", node="")) == "homeless"
    assert first(old, pod("pending", phase="Pending", ready_for=None)) == "pending"
    assert first(old, pod("unready", ready_for=None)) == "unready"
    assert first(young, pod("cheap", cost="-5")) == "cheap"
    assert first(young, pod("crowded", node="node2"), pod("crowd", node="node2")) in ("crowded", "crowd")
    assert first(old, young) == "young"
    assert first(old, pod("restarting", restarts=3, ready_for=1000)) == "restarting"


def test_times_of_the_same_magnitude_do_not_decide() -> None:
    """KEP-2185: not always the newest; uids decide, which is as good as chance."""
    assert first(pod("b", ready_for=100), pod("a", ready_for=110)) == "a"


@given(st.integers(0, 10_000))
def test_slow_start_makes_up_the_count(count: int) -> None:
    batches = list(slow_start(count))
    assert sum(batches) == count
    assert batches[:4] == [1, 2, 4, 8][: len(batches)] or sum(batches[:4]) == count
    assert all(later <= 2 * earlier for earlier, later in pairwise(batches))


def replicaset(world: World, replicas: int, **spec: object) -> Obj:
    labels = {"app": "web"}
    body = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod_template(labels), **spec}
    return world.client.create("replicasets.apps", {"metadata": {"name": "web"}, "spec": body}, NAMESPACE)


def status(world: World) -> Obj:
    found: Obj = world.client.get("replicasets.apps", "web", NAMESPACE).get("status") or {}
    return found


async def test_a_refused_creation_is_told_and_tried_again(world: World) -> None:
    """Without their ServiceAccount pods are refused; as in the recording `quota-exceeded` the event says why."""
    spec = pod_template({"app": "web"}, serviceAccountName="ghost")
    replicaset(world, 2, template=spec)
    await world.until(lambda: condition({"status": status(world)}, "ReplicaFailure"))
    failure = condition({"status": status(world)}, "ReplicaFailure")
    assert failure is not None
    assert (failure["status"], failure["reason"]) == ("True", "FailedCreate")
    assert world.said("FailedCreate")[0].startswith("Error creating: pods ")
    assert 'serviceaccount "ghost" not found' in failure["message"]
    world.client.create("serviceaccounts", {"metadata": {"name": "ghost"}}, NAMESPACE)
    await world.until(lambda: status(world).get("readyReplicas") == 2)
    await world.until(lambda: not condition({"status": status(world)}, "ReplicaFailure"))


async def test_orphans_that_match_are_adopted(world: World) -> None:
    spec = pod_template({"app": "web"})
    world.client.create("pods", {**spec, "metadata": {"name": "stray", "labels": {"app": "web"}}}, NAMESPACE)
    replicaset(world, 1)
    await world.until(lambda: status(world).get("readyReplicas") == 1)
    (pod,) = world.pods()
    assert pod["metadata"]["name"] == "stray"
    assert pod["metadata"]["ownerReferences"][0]["controller"] is True


async def test_pods_count_as_available_only_after_min_ready_seconds(world: World) -> None:
    replicaset(world, 1, minReadySeconds=2)
    await world.until(lambda: status(world).get("readyReplicas") == 1)
    assert "availableReplicas" not in status(world)
    await world.until(lambda: status(world).get("availableReplicas") == 1, within=5)


async def test_a_failed_pod_is_replaced_and_a_going_one_is_counted_as_terminating(world: World) -> None:
    replicaset(world, 2)
    await world.until(lambda: status(world).get("readyReplicas") == 2)
    failed, going = world.pods()
    world.kubelets.ends = False
    world.kubelets.say(failed, ready=False, phase="Failed")
    world.client.delete("pods", going["metadata"]["name"], NAMESPACE)
    await world.until(lambda: (status(world).get("readyReplicas"), status(world)["terminatingReplicas"]) == (2, 1))
    assert len(world.pods()) == 4
