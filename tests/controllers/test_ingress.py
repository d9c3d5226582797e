"""Ingresses of the cluster's own class get its address, and no others do."""

from cluster.client import Obj
from cluster.config import INGRESS_ADDRESS
from tests.controllers.world import NAMESPACE, World

INGRESSES, CLASSES = "ingresses.networking.k8s.io", "ingressclasses.networking.k8s.io"
BACKEND = {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}


def ingress(world: World, name: str, **spec: object) -> Obj:
    return world.client.create(INGRESSES, {"metadata": {"name": name}, "spec": {**BACKEND, **spec}}, NAMESPACE)


def address(world: World, name: str) -> list[Obj]:
    balancer = world.client.get(INGRESSES, name, NAMESPACE)["status"]["loadBalancer"]
    addresses: list[Obj] = balancer.get("ingress") or []
    return addresses


async def test_an_ingress_gets_the_default_class_and_the_address(world: World) -> None:
    assert ingress(world, "web")["spec"]["ingressClassName"] == "nginx"
    await world.until(lambda: address(world, "web") == [{"ip": INGRESS_ADDRESS}])
    told = [e for e in world.client.list("events", NAMESPACE) if e["involvedObject"]["kind"] == "Ingress"]
    assert [(e["reason"], e["message"]) for e in told] == [("Sync", "Scheduled for sync")]


async def test_an_ingress_of_a_class_that_nobody_serves_waits_until_somebody_does(world: World) -> None:
    ingress(world, "web", ingressClassName="other")
    await world.settle()
    assert address(world, "web") == []
    spec = {"controller": "k8s.io/ingress-nginx"}
    world.client.create(CLASSES, {"metadata": {"name": "other"}, "spec": spec})
    await world.until(lambda: address(world, "web") == [{"ip": INGRESS_ADDRESS}])
    world.client.delete(CLASSES, "other")
    await world.until(lambda: address(world, "web") == [])
