"""Namespaces: what each new one gets, and how a deleted one ends."""

from cluster.controllers.service_accounts import CA_CONFIGMAP
from cluster.objects import condition, is_going
from tests.controllers.world import NAMESPACE, World


async def test_each_namespace_has_its_account_and_the_authority(world: World) -> None:
    await world.settle()
    for namespace in world.client.list("namespaces"):
        name = namespace["metadata"]["name"]
        assert world.client.get("serviceaccounts", "default", name)
        assert world.client.get("configmaps", CA_CONFIGMAP, name)["data"] == {"ca.crt": "PEM"}


async def test_a_deleted_account_and_a_changed_authority_are_put_right(world: World) -> None:
    await world.settle()
    old = world.client.get("serviceaccounts", "default", NAMESPACE)["metadata"]["uid"]
    world.client.delete("serviceaccounts", "default", NAMESPACE)
    world.client.patch("configmaps", CA_CONFIGMAP, NAMESPACE, {"data": {"ca.crt": "forged"}})
    await world.until(
        lambda: [a["metadata"]["uid"] != old for a in world.client.list("serviceaccounts", NAMESPACE)] == [True]
    )
    await world.until(lambda: world.client.get("configmaps", CA_CONFIGMAP, NAMESPACE)["data"] == {"ca.crt": "PEM"})


async def test_a_deleted_namespace_is_emptied_and_then_gone(world: World) -> None:
    world.deploy()
    await world.until(lambda: len(world.pods()) == 3)
    world.client.delete("namespaces", NAMESPACE)
    await world.until(lambda: NAMESPACE not in {n["metadata"]["name"] for n in world.client.list("namespaces")})
    for resource in ("pods", "replicasets.apps", "deployments.apps", "configmaps", "events"):
        assert world.client.list(resource, NAMESPACE) == []


async def test_it_waits_for_pods_to_end_and_says_so(world: World) -> None:
    world.deploy()
    await world.until(lambda: len([p for p in world.pods() if p["spec"].get("nodeName")]) == 3)
    world.kubelets.ends = False
    world.client.delete("namespaces", NAMESPACE)
    await world.until(lambda: all(map(is_going, world.pods())))
    await world.until(lambda: condition(world.client.get("namespaces", NAMESPACE), "NamespaceContentRemaining"))
    namespace = world.client.get("namespaces", NAMESPACE)
    remaining = condition(namespace, "NamespaceContentRemaining")
    assert namespace["status"]["phase"] == "Terminating"
    assert remaining is not None
    assert remaining["message"] == "Some resources are remaining: pods. has 3 resource instances"
    world.kubelets.ends = True
    for pod in world.pods():
        world.kubelets.care(NAMESPACE, pod["metadata"]["name"])
    await world.until(lambda: NAMESPACE not in {n["metadata"]["name"] for n in world.client.list("namespaces")})
