"""mount(2) and umount2(2), which Python does not offer. Raise OSError that names the target."""

import ctypes
import os
from pathlib import Path

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 0x2

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: Path, kind: str = "", flags: int = 0, options: str = "") -> None:
    arguments = (os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), options.encode())
    _check(_libc.mount(*arguments), target)


def unmount(target: Path) -> None:
    """Detach at once; the kernel lets go when the last user has."""
    _check(_libc.umount2(os.fsencode(target), MNT_DETACH), target)


def _check(result: int, target: Path) -> None:
    if result:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno), str(target))
