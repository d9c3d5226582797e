"""What a node and its running containers have used so far, read off their cgroups."""

from collections.abc import Iterable
from contextlib import suppress

from cluster.kubelet.machine import Machine
from cluster.kubelet.worker import PodWorker
from cluster.nodeservice import Measured, NodeUsage
from cluster.runtime.spec import Usage


def measure(machine: Machine, workers: Iterable[PodWorker], began: float) -> NodeUsage:
    """`began` is when the node did, in seconds since 1970."""
    whole = machine.runtime.group_usage(f"{machine.config.cgroup}/{machine.node.name}")
    pods = {(w.pod["metadata"]["namespace"], w.pod["metadata"]["name"]): _containers(machine, w) for w in workers}
    return NodeUsage(node=_measured(machine, whole, began), pods=pods)


def _containers(machine: Machine, worker: PodWorker) -> dict[str, Measured]:
    found = {}
    for name, run in worker.running().items():
        # A container may have gone since.
        with suppress(KeyError, OSError):
            found[name] = _measured(machine, machine.runtime.usage(run.container_id), run.started_at)
    return found


def _measured(machine: Machine, used: Usage, started_at: float) -> Measured:
    return Measured(at=machine.clock(), started_at=started_at, cpu_usec=used.cpu_usec, memory_bytes=used.memory_bytes)
