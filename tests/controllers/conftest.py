"""Worlds to test in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.controllers.world import World, running


@pytest.fixture
def still(tmp_path: Path) -> World:
    """An API with three nodes in two zones, where nothing moves yet."""
    world = World(tmp_path)
    for name, zone in (("node1", "zone-a"), ("node2", "zone-b"), ("node3", "zone-a")):
        world.node(name, zone)
    return world


@pytest.fixture
async def world(still: World) -> AsyncIterator[World]:
    """The same with controllers, scheduler and kubelets at work."""
    async with running(still):
        yield still
