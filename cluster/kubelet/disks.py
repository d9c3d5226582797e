"""Watches emptyDirs with a sizeLimit, and evicts the pod that goes beyond, as the kubelet does every ten seconds."""

import asyncio
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from cluster.kubelet.machine import Machine
from cluster.kubelet.status import Failure
from cluster.kubelet.worker import End, PodWorker
from cluster.quantity import to_bytes

LOOK_SECONDS = 10.0


async def watch_disks(machine: Machine, workers: Callable[[], Iterable[PodWorker]]) -> None:
    """For ever."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        for worker in [w for w in workers() if not w.ending]:
            for volume, limit in _limited(worker):
                used = await asyncio.to_thread(size_of, worker.disk / "empty-dir" / volume)
                if used > to_bytes(limit):
                    _evict(machine, worker, f'Usage of EmptyDir volume "{volume}" exceeds the limit "{limit}". ')


def size_of(folder: Path) -> int:
    """The bytes that files below take on disk; what disappears meanwhile does not count."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(root) / name).lstat().st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def _limited(worker: PodWorker) -> list[tuple[str, str]]:
    volumes = worker.pod["spec"].get("volumes") or ()
    empty = [(v["name"], v["emptyDir"]) for v in volumes if v.get("emptyDir")]
    return [(name, e["sizeLimit"]) for name, e in empty if e.get("sizeLimit") and e.get("medium") != "Memory"]


def _evict(machine: Machine, worker: PodWorker, message: str) -> None:
    machine.tell(worker.pod, "Warning", "Evicted", message)
    worker.end(End(grace_seconds=0.0, failure=Failure(reason="Evicted", message=message, disruption=True)))
