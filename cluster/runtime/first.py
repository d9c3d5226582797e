"""A node's first process: it holds the node's namespaces, and buries whoever is left to it, as init does.

runc starts containers and commands from within that namespace (`First.inside`) and leaves at once. The kernel then
hands them to the first process there, and to nobody outside; it tells of each end through a pipe
(`cluster.runtime.ends`).
"""

import ctypes
import os
import signal
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

END = struct.Struct("ii")
"""A process id of that namespace, and a wait status."""

NODE_IPC = "/proc/1/ns/ipc"
"""The node's own, as who is `inside` sees it."""

_CLONE_NEWIPC, _CLONE_NEWPID = 0x08000000, 0x20000000
_PR_SET_PDEATHSIG = 1
_NAME = b"init"

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class First:
    """Begun by this process, and gone with it."""

    pid: int
    ends: int
    """The pipe's end to read `END`s from; empty when the first process, and with it all of the node, has ended."""

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What this thread starts meanwhile lives on the node, where /proc is another one. Raises OSError."""
        with _elsewhere():
            node = os.open(f"/proc/{self.pid}/ns/pid", os.O_RDONLY)
            try:
                _check(_libc.setns(node, _CLONE_NEWPID))
            finally:
                os.close(node)
            yield

    def end(self) -> None:
        """With everything that runs on the node."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.ends)


def begin() -> First:
    """Fork one. Before there are threads, secrets or much memory: it keeps a copy of all. Raises OSError."""
    ends, told = os.pipe()
    with _elsewhere():
        _check(_libc.unshare(_CLONE_NEWPID))
        pid = os.fork() or _live(told)
    os.close(told)
    return First(pid, ends)


@contextmanager
def _elsewhere() -> Iterator[None]:
    """What is forked afterwards lives again where this process does."""
    home = os.open("/proc/self/ns/pid", os.O_RDONLY)
    try:
        yield
    finally:
        _check(_libc.setns(home, _CLONE_NEWPID))
        os.close(home)


def _live(told: int) -> NoReturn:
    try:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _check(_libc.unshare(_CLONE_NEWIPC))
        os.dup2(told, 0)
        # Whoever waits for the end of what is open here must not have to wait for us. What goes wrong is still said.
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        _rename()
        _hide()
        _bury(0)
    finally:
        os._exit(1)


def _rename() -> None:
    """Over the command line that the fork brought along: nobody on the node needs to know what runs it."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, _NAME, min(len(_NAME), end - start))
    Path("/proc/self/comm").write_bytes(_NAME)


def _hide() -> None:
    """Its root is an empty place without a name: a pod that sees this process reads no mount of the machine from it."""
    nowhere = tempfile.mkdtemp()
    os.chdir(nowhere)
    Path(nowhere).rmdir()
    os.chroot(".")


def _bury(told: int) -> NoReturn:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        # Before the first wait too: somebody may have ended while nobody heard signals yet.
        for pid, status in _ended():
            os.write(told, END.pack(pid, status))
        signal.sigwait({signal.SIGCHLD})


def _ended() -> Iterator[tuple[int, int]]:
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            yield found


def _check(result: int) -> None:
    if result:
        errno = ctypes.get_errno()
        raise OSError(errno, f"namespaces of a node's own: {os.strerror(errno)}")
