"""ClusterRoles that are made of others have the rules of those, as long as their labels say so."""

from typing import Any

from cluster.client import Obj
from cluster.controllers.role_aggregation import ROLES, rules_of
from tests.controllers.world import World

PODS: Obj = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
NODES: Obj = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}


def role(name: str, *rules: Obj, **labels: str) -> Obj:
    return {"metadata": {"name": name, "labels": labels}, "rules": [*rules]}


def made_of(name: str, **labels: str) -> Obj:
    return {**role(name), "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": labels}]}}


def rules(world: World, name: str) -> list[Any]:
    return list(world.client.get(ROLES, name).get("rules") or ())


async def test_the_rules_come_and_go_with_the_labels(world: World) -> None:
    world.client.create(ROLES, made_of("sum", part="yes"))
    world.client.create(ROLES, role("one", PODS, part="yes"))
    await world.until(lambda: rules(world, "sum") == [PODS])
    world.client.patch(ROLES, "one", "", {"metadata": {"labels": {"part": None}}})
    await world.until(lambda: rules(world, "sum") == [])


async def test_an_operator_adds_to_what_viewers_may(world: World) -> None:
    label = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    world.client.create(ROLES, role("widgets-view", NODES, **label))
    await world.until(lambda: all(NODES in rules(world, name) for name in ("view", "edit", "admin")))


def test_each_rule_is_there_once_in_the_order_of_names() -> None:
    parts = [role("b", NODES, PODS, part="yes"), role("a", PODS, part="yes"), role("other", NODES)]
    assert rules_of(made_of("sum", part="yes"), parts) == [PODS, NODES]
