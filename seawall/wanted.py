"""What the command line asked for, and how it is told what happens meanwhile."""

import sys
from dataclasses import dataclass
from pathlib import Path

from chaos.manifests import Manifests
from chaos.scenario import Scenario

Storm = tuple[Scenario, Manifests]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The options of a command that runs storms."""

    paths: tuple[Path, ...]
    variants: tuple[str, ...]
    context: str
    allow_contexts: tuple[str, ...]
    allow_nodes: bool
    seed: int | None
    out: Path
    live: bool | None
    format: str
    parallel: int = 1
    """How many storms at once."""


def say(text: str) -> None:
    """A line for whoever watches; what a program may read goes to the other stream."""
    sys.stderr.write(f"seawall: {text}\n")
