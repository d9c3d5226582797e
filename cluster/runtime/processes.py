"""Starting programs and hearing of their end, with a file descriptor for each process instead of a signal for all.

A child's end is asked of the kernel; that of a container, which is no child of ours, is told by the first process of
its node (`cluster.runtime.ends`).
"""

import asyncio
import os
import select
import signal
from collections.abc import Mapping

from cluster.runtime.programs import find_program


class Process:
    """One that was started here or on a node. Whoever makes it sees to it that `status` comes, and buries it."""

    def __init__(self, pid: int, fd: int, status: asyncio.Future[int]) -> None:
        """`pid` is what runc knows it as, and `fd` of the process, -1 if it has been buried; it is closed here."""
        self.pid = pid
        self._fd = fd
        self._status = status
        status.add_done_callback(self._close)

    def _close(self, _: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    async def ended(self) -> int:
        """The exit code, or minus the signal. May be awaited by many, and cancelled by any."""
        return await asyncio.shield(self._status)

    def has_ended(self) -> bool:
        """Also before anybody has heard of it."""
        if self._fd < 0:
            return True
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(0))

    def signal(self, signum: int) -> None:
        """Nothing happens if it has ended."""
        if self._fd >= 0:
            try:
                signal.pidfd_send_signal(self._fd, signum)
            except ProcessLookupError:
                return


def spawn(argv: list[str], stdin: int, stdout: int, stderr: int, environment: Mapping[str, str]) -> Process:
    """Start a program with these three descriptors and no other. Raises OSError."""
    actions = [(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in enumerate((stdin, stdout, stderr))]
    # Python ignores SIGPIPE, and an ignored signal is inherited: programs would not die of a closed pipe.
    normal = {signal.SIGPIPE, signal.SIGXFSZ}
    path = find_program(argv[0])
    pid = os.posix_spawn(path, argv, environment, file_actions=actions, setsigdef=normal, setsigmask=[])
    return _child(pid)


def _child(pid: int) -> Process:
    loop, fd = asyncio.get_running_loop(), os.pidfd_open(pid)
    status: asyncio.Future[int] = loop.create_future()

    def bury() -> None:
        loop.remove_reader(fd)
        status.set_result(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    loop.add_reader(fd, bury)
    return Process(pid, fd, status)
