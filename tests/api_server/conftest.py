"""A whole API without its HTTP face, with a clock that stands still and dice that always fall the same way."""

import random
from pathlib import Path

import pytest

from cluster.api.core import Core
from cluster.api.local import LocalClient
from cluster.config import ClusterConfig


class Clock:
    """Stands still until told."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def core(tmp_path: Path, clock: Clock) -> Core:
    return Core(ClusterConfig(id="test", state_dir=tmp_path), clock=clock, chance=random.Random(7))


@pytest.fixture
def client(core: Core) -> LocalClient:
    return core.client("system:test")
