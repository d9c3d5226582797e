"""Mounting and unmounting a tmpfs: what an emptyDir of medium Memory is made of."""

import ctypes
import os
from pathlib import Path

_NOSUID, _NODEV, _DETACH = 2, 4, 2


def mount(folder: Path, size_bytes: int) -> None:
    """A tmpfs of at most `size_bytes` at `folder`, writable by everyone. Raises OSError."""
    options = f"size={size_bytes},mode=1777".encode()
    _check(_libc().mount(b"tmpfs", bytes(folder), b"tmpfs", _NOSUID | _NODEV, options), folder)


def unmount(folder: Path) -> None:
    """Raises OSError when nothing is mounted there."""
    _check(_libc().umount2(bytes(folder), _DETACH), folder)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, folder: Path) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(folder))
