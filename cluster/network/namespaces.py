"""Network namespaces: made, entered and removed, one system call each.

A namespace belongs to the calling thread alone, and whatever is opened in it (a socket, an nft context) stays in
it for life. So: enter, open, leave; and never await in between.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNET = 0x40000000
MS_BIND = 4096
MNT_DETACH = 2
_OWN = "/proc/thread-self/ns/net"

# Python 3.11 has neither os.setns nor os.unshare, and no version has mount.
_libc = ctypes.CDLL(None, use_errno=True)


def create(path: Path) -> None:
    """Make a namespace and pin it to a file, so that it outlives its processes. Raises OSError."""
    path.touch(exist_ok=False)
    home = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call("unshare", CLONE_NEWNET)
        try:
            _call("mount", _OWN.encode(), bytes(path), None, MS_BIND, None)
        finally:
            _call("setns", home, CLONE_NEWNET)
    except OSError:
        path.unlink()
        raise
    finally:
        os.close(home)


def remove(path: Path) -> None:
    """Unpin a namespace; the kernel frees it when its last process and socket are gone. A missing one is no error."""
    if path.exists():
        _call("umount2", bytes(path), MNT_DETACH)
        path.unlink()


@contextmanager
def inside(path: Path) -> Iterator[int]:
    """The calling thread is in the namespace at `path` until the block ends; yields a descriptor of it."""
    home = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        target = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _call("setns", target, CLONE_NEWNET)
            yield target
        finally:
            _call("setns", home, CLONE_NEWNET)
            os.close(target)
    finally:
        os.close(home)


def sysctl(**settings: int | str) -> None:
    """Set kernel parameters below net of the calling thread's namespace; `__` stands for a slash."""
    for name, value in settings.items():
        Path("/proc/sys/net", *name.split("__")).write_text(str(value))


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}{arguments}: {os.strerror(number)}")
