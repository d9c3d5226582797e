"""What every controller is given: the API, the time, and the facts of this cluster that the API does not tell."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.client import Client
from cluster.events import EventRecorder


def _cannot_sign(_request: bytes, _seconds: float) -> bytes:
    raise NotImplementedError("nobody signs here")


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource that the API serves: how `cluster.client` names it, and how objects name themselves."""

    resource: str
    api_version: str
    kind: str
    namespaced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """`clock` gives seconds since 1970; `ca_certificate` is PEM text."""

    client: Client
    clock: Callable[[], float]
    kinds: Sequence[Kind] = ()
    ca_certificate: str = ""
    sign: Callable[[bytes, float], bytes] = _cannot_sign
    """A client certificate from a request, both PEM, valid for so many seconds."""
    node_grace_seconds: float = 40.0
    """How long a node may be silent before it is Unknown (kube-controller-manager: node-monitor-grace-period)."""

    autoscaler_seconds: float = 15.0
    """How often autoscalers look (kube-controller-manager: horizontal-pod-autoscaler-sync-period)."""

    volumes: Path = Path("/nonexistent")
    """The folder in which provisioned volumes have theirs."""

    def recorder(self, component: str) -> EventRecorder:
        return EventRecorder(self.client, component, clock=self.clock)
