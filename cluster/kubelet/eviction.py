"""Which pod goes when a node's memory runs low, and in which words. Pure (recording: node-memory-pressure).

The order is the kubelet's: who uses more than it requested before who does not, then low priority before high, then
by how much it uses beyond its request. One pod goes at a time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cluster.client import Obj
from cluster.config import MIB
from cluster.kubelet import podspec
from cluster.kubelet.resources import amount, total


@dataclass(frozen=True, slots=True)
class Candidate:
    """A running pod and the working sets of its containers in bytes, by name."""

    pod: Obj
    usage: Mapping[str, int]


def choose(candidates: Iterable[Candidate]) -> Candidate | None:
    """Who goes first."""
    return min(candidates, key=_rank, default=None)


def message(chosen: Candidate, *, available_bytes: int, threshold_bytes: int) -> str:
    """What the event, the condition and the pod's status tell."""
    parts = [
        "The node was low on resource: memory. "
        f"Threshold quantity: {threshold_bytes // MIB}Mi, available: {available_bytes // 1024}Ki. "
    ]
    for container in podspec.containers(chosen.pod):
        used, request = chosen.usage.get(container["name"], 0), amount(container, "requests", "memory") or 0
        if used > request:
            shown = ((container.get("resources") or {}).get("requests") or {}).get("memory", "0")
            name = container["name"]
            parts.append(
                f"Container {name} was using {used // 1024}Ki, request is {shown}, has larger consumption of memory. "
            )
    return "".join(parts)


def _rank(candidate: Candidate) -> tuple[bool, int, int, str]:
    beyond = sum(candidate.usage.values()) - total(candidate.pod, "requests", "memory")
    priority = candidate.pod["spec"].get("priority") or 0
    return beyond <= 0, priority, -beyond, candidate.pod["metadata"]["name"]
