"""Watches what pods have on their node's disk, and evicts who goes beyond its limits, as a kubelet does."""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cluster.client import Obj
from cluster.kubelet import podspec
from cluster.kubelet.machine import Machine
from cluster.kubelet.status import Failure
from cluster.kubelet.worker import End, PodWorker
from cluster.quantity import format_quantity, parse_quantity, to_bytes

LOOK_SECONDS = 10.0
STORAGE = "ephemeral-storage"


async def watch_disks(machine: Machine, workers: Callable[[], Iterable[PodWorker]]) -> None:
    """For ever."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        for worker in [w for w in workers() if not w.ending and is_limited(w.pod)]:
            layers = {name: machine.runtime.layer(id) for name, id in worker.running_ids().items()}
            message = await asyncio.to_thread(excess, worker.pod, worker.disk, layers)
            if message:
                _evict(machine, worker, message)


def is_limited(pod: Obj) -> bool:
    """Whether there is anything to watch."""
    return bool(list(_sized(pod))) or any(_limit(container) for container in podspec.containers(pod))


def excess(pod: Obj, disk: Path, layers: dict[str, Path]) -> str:
    """What the first limit that is broken says, or "". `layers`: what running containers wrote, by name."""
    volumes = {name: size_of(disk / "empty-dir" / name) for name in _on_disk(pod)}
    for name, limit in _sized(pod):
        if volumes[name] > to_bytes(limit):
            return f'Usage of EmptyDir volume "{name}" exceeds the limit "{limit}". '
    written = {name: size_of(layer) for name, layer in layers.items()}
    limits = [_limit(container) for container in podspec.containers(pod)]
    if all(limits) and sum(written.values()) + sum(volumes.values()) > sum(map(to_bytes, limits)):
        total = format_quantity(sum(map(parse_quantity, limits)), limits[0])
        return f"Pod ephemeral local storage usage exceeds the total limit of containers {total}. "
    for container in podspec.containers(pod):
        limit = _limit(container)
        if limit and written.get(container["name"], 0) > to_bytes(limit):
            return f'Container {container["name"]} exceeded its local ephemeral storage limit "{limit}". '
    return ""


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


def _on_disk(pod: Obj) -> Iterator[str]:
    for volume in pod["spec"].get("volumes") or ():
        if "emptyDir" in volume and (volume["emptyDir"] or {}).get("medium") != "Memory":
            yield volume["name"]


def _sized(pod: Obj) -> Iterator[tuple[str, str]]:
    """The emptyDirs on disk with a limit."""
    on_disk = set(_on_disk(pod))
    for volume in pod["spec"].get("volumes") or ():
        if volume["name"] in on_disk and (volume["emptyDir"] or {}).get("sizeLimit"):
            yield volume["name"], volume["emptyDir"]["sizeLimit"]


def _limit(container: Obj) -> str:
    return str(((container.get("resources") or {}).get("limits") or {}).get(STORAGE, ""))


def _evict(machine: Machine, worker: PodWorker, message: str) -> None:
    machine.tell(worker.pod, "Warning", "Evicted", message)
    worker.end(End(grace_seconds=0.0, failure=Failure(reason="Evicted", message=message)))
