"""Watches a node's memory and evicts pods, one at a time, while it runs low."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from cluster.kubelet import eviction
from cluster.kubelet.eviction import Candidate
from cluster.kubelet.machine import Machine
from cluster.kubelet.status import Failure
from cluster.kubelet.worker import End, PodWorker

# The kubelet's own monitoring interval: a fast leak meets the kernel's OOM killer before it meets the eviction manager.
LOOK_SECONDS = 10.0
# After an eviction the memory needs a moment to come back; a real node took about three seconds from one to the next.
PAUSE_SECONDS = 3.0
TRANSITION_SECONDS = 30.0


class MemoryPressure:
    """The eviction manager of one node; `report` is called whenever `on` changes."""

    def __init__(
        self, machine: Machine, workers: Callable[[], Iterable[PodWorker]], report: Callable[[], None]
    ) -> None:
        self.on = False
        self._machine, self._workers, self._report = machine, workers, report
        self._low_at = float("-inf")

    async def run(self) -> None:
        """Look again and again, for ever."""
        while True:
            await asyncio.sleep(PAUSE_SECONDS if self.look() else LOOK_SECONDS)

    def look(self) -> bool:
        """Look once; true when a pod has been evicted."""
        candidates = [Candidate(worker.pod, usage(self._machine, worker)) for worker in self._running()]
        capacity = self._machine.node.memory_bytes
        used = sum(sum(usage(self._machine, worker).values()) for worker in self._workers())
        low = eviction.is_low(capacity, used)
        self._note(low=low)
        chosen = eviction.choose(candidates) if low else None
        if chosen is not None:
            self._evict(chosen, capacity - used)
        return chosen is not None

    def _running(self) -> list[PodWorker]:
        return [worker for worker in self._workers() if not worker.ending and worker.running_ids()]

    def _note(self, *, low: bool) -> None:
        now = self._machine.clock()
        self._low_at = now if low else self._low_at
        # Once on, it stays for the transition period, so that it does not flutter.
        on = now - self._low_at < TRANSITION_SECONDS
        if on != self.on:
            self.on = on
            self._report()

    def _evict(self, chosen: Candidate, available_bytes: int) -> None:
        text = eviction.message(chosen, available_bytes)
        self._machine.tell(chosen.pod, "Warning", "Evicted", text)
        failure = Failure(reason="Evicted", message=text, disruption=True)
        worker = next(w for w in self._workers() if w.pod["metadata"]["uid"] == chosen.pod["metadata"]["uid"])
        worker.end(End(grace_seconds=0.0, failure=failure))


def usage(machine: Machine, worker: PodWorker) -> dict[str, int]:
    """The working sets of a pod's running containers, in bytes by name."""
    found = {}
    for name, id in worker.running_ids().items():
        # A container may have gone since.
        with suppress(KeyError, OSError):
            found[name] = machine.runtime.usage(id).memory_bytes
    return found
