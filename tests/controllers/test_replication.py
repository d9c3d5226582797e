"""ReplicationControllers: ReplicaSets under an older name."""

import pytest

from cluster.client import Invalid, Obj
from tests.controllers.world import NAMESPACE, World, pod_template

RESOURCE = "replicationcontrollers"


def declare(world: World, **spec: object) -> Obj:
    template = pod_template({"app": "old"})
    body = {"metadata": {"name": "old"}, "spec": {"template": template, **spec}}
    return world.client.create(RESOURCE, body, NAMESPACE)


async def test_it_keeps_its_pods_and_selects_them_by_their_labels(world: World) -> None:
    made = declare(world, replicas=2)
    assert made["spec"]["selector"] == {"app": "old"} == made["metadata"]["labels"]
    await world.until(lambda: world.client.get(RESOURCE, "old", NAMESPACE)["status"].get("readyReplicas") == 2)
    first = world.pods()[0]["metadata"]["name"]
    world.client.patch("pods", first, NAMESPACE, {"metadata": {"labels": {"app": "gone"}}})
    await world.until(lambda: len(world.pods()) == 3)
    assert "ownerReferences" not in world.client.get("pods", first, NAMESPACE)["metadata"]
    assert "terminatingReplicas" not in world.client.get(RESOURCE, "old", NAMESPACE)["status"]


async def test_a_selector_that_misses_its_own_template_is_refused(world: World) -> None:
    with pytest.raises(Invalid, match="`selector` does not match template `labels`"):
        declare(world, selector={"app": "other"})
