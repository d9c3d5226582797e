"""What everything on one node shares."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cluster.client import Client, Obj
from cluster.config import ClusterConfig, NodeConfig
from cluster.kubelet.probes.checks import Checker
from cluster.network.spec import Network
from cluster.runtime.spec import Runtime


class Tell(Protocol):
    """Records an event about a pod, or about one of its containers by its field path."""

    def __call__(self, about: Obj, type: str, reason: str, message: str, field_path: str = "") -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One node: its place, its edges, its clock (seconds since 1970), its randomness (from 0 to 1)."""

    node: NodeConfig
    client: Client
    runtime: Runtime
    network: Network
    config: ClusterConfig
    run_dir: Path
    """In memory: what is small, secret, or made anew for each pod."""
    clock: Callable[[], float]
    tell: Tell
    checker: Checker
    random: Callable[[], float]
