"""Definitions are established, take their objects along when they go, and do not take each other's names."""

import pytest

from cluster.client import ApiError, Obj
from cluster.custom import DEFINITIONS
from cluster.objects import condition
from tests.api_server.definitions import WIDGETS, definition, widget
from tests.controllers.world import NAMESPACE, World


def said(world: World, name: str, type: str) -> tuple[str, str] | None:
    found = condition(world.client.get(DEFINITIONS, name), type)
    return (found["status"], found["reason"]) if found else None


def gadgets() -> Obj:
    """Another kind of the group, with the first one's short name."""
    made = definition()
    names = {"plural": "gadgets", "kind": "Gadget", "shortNames": ["wd"]}
    return {**made, "metadata": {"name": "gadgets.example.com"}, "spec": {**made["spec"], "names": names}}


async def test_a_definition_is_established_and_its_objects_go_with_it(world: World) -> None:
    world.client.create(DEFINITIONS, definition())
    await world.until(lambda: said(world, WIDGETS, "Established") == ("True", "InitialNamesAccepted"))
    assert said(world, WIDGETS, "NamesAccepted") == ("True", "NoConflicts")
    world.client.create(WIDGETS, widget(), NAMESPACE)
    world.client.delete(DEFINITIONS, WIDGETS)
    await world.until(lambda: not world.client.list(DEFINITIONS))
    with pytest.raises(ApiError):
        world.client.list(WIDGETS)
    world.client.create(DEFINITIONS, definition())
    await world.until(lambda: said(world, WIDGETS, "Established") == ("True", "InitialNamesAccepted"))
    assert world.client.list(WIDGETS) == []


async def test_a_name_that_is_taken_waits_until_it_is_free(world: World) -> None:
    world.client.create(DEFINITIONS, definition())
    await world.until(lambda: said(world, WIDGETS, "Established") == ("True", "InitialNamesAccepted"))
    world.client.create(DEFINITIONS, gadgets())
    name = "gadgets.example.com"
    await world.until(lambda: said(world, name, "NamesAccepted") == ("False", "ShortNamesConflict"))
    assert said(world, name, "Established") == ("False", "NotAccepted")
    world.client.delete(DEFINITIONS, WIDGETS)
    await world.until(lambda: said(world, name, "Established") == ("True", "InitialNamesAccepted"))


async def test_custom_objects_go_with_their_namespace(world: World) -> None:
    world.client.create(DEFINITIONS, definition())
    await world.until(lambda: said(world, WIDGETS, "Established") == ("True", "InitialNamesAccepted"))
    world.client.create("namespaces", {"metadata": {"name": "doomed"}})
    world.client.create(WIDGETS, widget(), "doomed")
    world.client.delete("namespaces", "doomed")
    await world.until(lambda: not world.client.list("namespaces", fields="metadata.name=doomed"))
    assert world.client.list(WIDGETS) == []
