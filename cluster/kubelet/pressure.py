"""Watches a node's memory and evicts pods, one at a time, while it runs low (recording: node-memory-pressure).

How much the node has left is measured when the eviction manager looks. What each container uses is known from the last
time somebody came round, and so may be twelve seconds old: a hog that grew since then is not yet known as one.
"""

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
# How often a container is measured, from its start on: cadvisor's housekeeping comes every ten to twenty seconds. The
# recorded hog was known for what it was after 11 to 14.
ROUND_SECONDS = 12.0
# After an eviction the memory needs a moment to come back; a real node took about three seconds from one to the next.
PAUSE_SECONDS = 3.0
TRANSITION_SECONDS = 30.0
# A container is first measured as soon as its control group is seen.
_TICK_SECONDS = 0.2


class MemoryPressure:
    """The eviction manager of one node; `report` is called whenever `on` changes."""

    def __init__(
        self, machine: Machine, workers: Callable[[], Iterable[PodWorker]], report: Callable[[], None]
    ) -> None:
        self.on = False
        self._machine, self._workers, self._report = machine, workers, report
        self._low_at = float("-inf")
        self._measured: dict[str, tuple[float, int]] = {}
        """Container id -> when it was measured, and its working set in bytes."""

    async def run(self) -> None:
        """Look again and again, for ever."""
        while True:
            await self._rounds(PAUSE_SECONDS if self.look() else LOOK_SECONDS)

    async def _rounds(self, seconds: float) -> None:
        """Spend the time; containers that are new, or were measured long ago, are measured meanwhile."""
        until = self._machine.clock() + seconds
        while (left := until - self._machine.clock()) > 0:
            await asyncio.sleep(min(left, _TICK_SECONDS))
            self.measure()

    def measure(self) -> None:
        now = self._machine.clock()
        running = {id for worker in self._workers() for id in worker.running_ids().values()}
        self._measured = {id: seen for id, seen in self._measured.items() if id in running}
        for id in running:
            if now - self._measured.get(id, (float("-inf"), 0))[0] >= ROUND_SECONDS:
                # A container may have gone since.
                with suppress(KeyError, OSError):
                    self._measured[id] = now, self._machine.runtime.usage(id).memory_bytes

    def look(self) -> bool:
        """Look once; true when a pod has been evicted."""
        node = self._machine.node
        available = node.memory_bytes - self._used()
        low = available < node.eviction_bytes
        self._note(low=low)
        chosen = eviction.choose(self._candidates()) if low else None
        if chosen is not None:
            self._evict(chosen, available)
        return chosen is not None

    def _used(self) -> int:
        machine = self._machine
        return machine.runtime.group_usage(f"{machine.config.cgroup}/{machine.node.name}").memory_bytes

    def _candidates(self) -> list[Candidate]:
        running = ((worker, worker.running_ids()) for worker in self._workers() if not worker.ending)
        return [
            Candidate(worker.pod, {name: self._measured[id][1] for name, id in ids.items() if id in self._measured})
            for worker, ids in running
            if ids
        ]

    def _note(self, *, low: bool) -> None:
        now = self._machine.clock()
        self._low_at = now if low else self._low_at
        # Once on, it stays for the transition period, so that it does not flutter.
        on = now - self._low_at < TRANSITION_SECONDS
        if on != self.on:
            self.on = on
            self._report()

    def _evict(self, chosen: Candidate, available_bytes: int) -> None:
        threshold = self._machine.node.eviction_bytes
        text = eviction.message(chosen, available_bytes=available_bytes, threshold_bytes=threshold)
        self._machine.tell(chosen.pod, "Warning", "Evicted", text)
        failure = Failure(reason="Evicted", message=text, disruption=True)
        worker = next(w for w in self._workers() if w.pod["metadata"]["uid"] == chosen.pod["metadata"]["uid"])
        worker.end(End(grace_seconds=0.0, failure=failure))
