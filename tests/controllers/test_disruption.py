"""PodDisruptionBudgets: what their status allows, as recorded in `drain-three-replicas-pdb-two`."""

import pytest

from cluster.client import Obj, TooManyRequests
from cluster.controllers.disruption import RESOURCE, desired_healthy
from tests.controllers.world import NAMESPACE, World


def budget(world: World, **spec: object) -> None:
    body = {"selector": {"matchLabels": {"app": "web"}}, **spec}
    world.client.create(RESOURCE, {"metadata": {"name": "web"}, "spec": body}, NAMESPACE)


def status(world: World) -> tuple[int, int, int, int]:
    obj: Obj = world.client.get(RESOURCE, "web", NAMESPACE).get("status") or {}
    names = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    allowed, healthy, desired, expected = (int(obj.get(name, -1)) for name in names)
    return allowed, healthy, desired, expected


async def test_a_budget_counts_healthy_against_desired(world: World) -> None:
    budget(world, minAvailable=2)
    world.deploy()
    await world.until(lambda: status(world) == (1, 3, 2, 3))
    conditions = world.client.get(RESOURCE, "web", NAMESPACE)["status"]["conditions"]
    assert [(c["type"], c["status"], c["reason"]) for c in conditions] == [
        ("DisruptionAllowed", "True", "SufficientPods")
    ]
    world.kubelets.say(world.pods()[0], ready=False)
    await world.until(lambda: status(world) == (0, 2, 2, 3))


async def test_an_eviction_beyond_the_budget_is_refused_until_the_pod_is_replaced(world: World) -> None:
    budget(world, minAvailable=2)
    world.deploy()
    await world.until(lambda: status(world) == (1, 3, 2, 3))
    world.kubelets.heals = False
    first, second, _ = (p["metadata"]["name"] for p in world.pods())

    def evict(name: str) -> None:
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        world.client.create("pods", body, NAMESPACE, subresource="eviction", name=name)

    evict(first)
    await world.until(lambda: status(world) == (0, 2, 2, 3))
    with pytest.raises(TooManyRequests):
        evict(second)
    world.kubelets.heals = True
    for pod in world.pods():
        world.kubelets.care(NAMESPACE, pod["metadata"]["name"])
    await world.until(lambda: status(world) == (1, 3, 2, 3))
    evict(second)


async def test_a_percentage_is_of_the_replicas_asked_for(world: World) -> None:
    world.kubelets.heals = False
    budget(world, maxUnavailable="50%")
    world.deploy(replicas=3)
    await world.until(lambda: status(world) == (0, 0, 1, 3))


@pytest.mark.parametrize(
    ("spec", "expected", "desired"),
    [
        ({"minAvailable": 2}, 3, 2),
        ({"minAvailable": "50%"}, 3, 2),
        ({"maxUnavailable": 1}, 3, 2),
        ({"maxUnavailable": "50%"}, 3, 1),
        ({"maxUnavailable": 5}, 3, 0),
    ],
)
def test_desired_healthy_rounds_up(spec: Obj, expected: int, desired: int) -> None:
    assert desired_healthy(spec, expected) == desired


async def test_pods_that_nobody_manages_are_told(world: World) -> None:
    budget(world, minAvailable="100%")
    metadata = {"name": "alone", "labels": {"app": "web"}}
    pod = {"metadata": metadata, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    world.client.create("pods", pod, NAMESPACE)
    await world.until(lambda: "UnmanagedPods" in {e["reason"] for e in world.client.list("events", NAMESPACE)})


async def test_of_two_budgets_for_a_pod_one_counts_it_and_that_is_told(world: World) -> None:
    budget(world, minAvailable=1)
    again = {"selector": {"matchLabels": {"app": "web"}}, "minAvailable": 1}
    world.client.create(RESOURCE, {"metadata": {"name": "web2"}, "spec": again}, NAMESPACE)
    world.deploy()
    await world.until(lambda: status(world) == (2, 3, 1, 3))
    told = {e["reason"]: e["message"] for e in world.client.list("events", NAMESPACE)}
    assert told["MultiplePodDisruptionBudgets"].endswith('Chose "web" arbitrarily.')
