"""Starting programs and hearing of their end, with a file descriptor for each process instead of a signal for all.

Containers are no children of ours when they start: runc, their parent, leaves at once and they come to us because
we are process 1 or a subreaper. From then on `Process` treats them like any child.
"""

import asyncio
import ctypes
import os
import shutil
import signal
from collections.abc import Mapping
from functools import cache

PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """Orphaned descendants become our children. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot become a subreaper")


@cache
def find_program(name: str) -> str:
    """Raises FileNotFoundError with what to install."""
    if path := shutil.which(name):
        return path
    raise FileNotFoundError(f"{name} is not on PATH; install it (Debian: apt install {name})")


class Process:
    """A child: ours by birth or by adoption. `ended` is its wait status, and reaps it."""

    def __init__(self, pid: int) -> None:
        """Raises ProcessLookupError if there is no such process. Needs a running loop."""
        self.pid = pid
        self._fd = os.pidfd_open(pid)
        self._loop = asyncio.get_running_loop()
        self._status: asyncio.Future[int] = self._loop.create_future()
        self._loop.add_reader(self._fd, self._reap)

    def _reap(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self._fd = -1
        _, status = os.waitpid(self.pid, 0)
        self._status.set_result(os.waitstatus_to_exitcode(status))

    async def ended(self) -> int:
        """The exit code, or minus the signal. May be awaited by many, and cancelled by any."""
        return await asyncio.shield(self._status)

    def has_ended(self) -> bool:
        """Also before anybody has heard of it."""
        return self._fd < 0 or os.waitid(os.P_PIDFD, self._fd, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

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
    return Process(pid)
