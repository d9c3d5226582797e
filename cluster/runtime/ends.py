"""How the processes of a node end: their first process tells, and here it is known who waited for it."""

import asyncio
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from cluster.runtime.first import END, First
from cluster.runtime.processes import Process

READ_BYTES = 4096 * END.size
# Between a process's end and the moment when somebody asks for it lies at most one call of runc.
EARLY_MAX = 4096


class Ends:
    """Of one node. Needs a running loop."""

    def __init__(self, first: First) -> None:
        self._first = first
        self._awaited: dict[int, asyncio.Future[int]] = {}
        self._early: dict[int, int] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(first.ends, self._hear)

    def process(self, pid: int, group: Iterable[int]) -> Process:
        """The process that its node knows as `pid`. `group` are those of its control group, as they are known here."""
        fd = _open(pid, group)
        early = self._early.pop(pid, None)
        status = self._loop.create_future()
        # One that can still be opened has not been buried: what was told of that number was told of another.
        if fd < 0 and early is not None:
            status.set_result(early)
        else:
            self._awaited[pid] = status
        return Process(pid, fd, status)

    def _hear(self) -> None:
        data = os.read(self._first.ends, READ_BYTES)
        for pid, status in END.iter_unpack(data):
            self._told(pid, os.waitstatus_to_exitcode(status))
        if not data:
            self._all_over()

    def _told(self, pid: int, code: int) -> None:
        if status := self._awaited.pop(pid, None):
            status.set_result(code)
            return
        self._early[pid] = code
        if len(self._early) > EARLY_MAX:
            del self._early[next(iter(self._early))]

    def _all_over(self) -> None:
        """Without its first process the kernel has killed all the others."""
        self._loop.remove_reader(self._first.ends)
        for pid in list(self._awaited):
            self._told(pid, -signal.SIGKILL)


def _open(pid: int, group: Iterable[int]) -> int:
    """A descriptor of the process; -1 if it has been buried."""
    for here in group:
        with suppress(ProcessLookupError, FileNotFoundError):
            if _on_its_node(here) == pid:
                return os.pidfd_open(here)
    return -1


def _on_its_node(pid: int) -> int:
    """What a process of a node is known as there."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("NSpid:"))
    return int(line.split()[2])
