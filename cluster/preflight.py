"""Can this machine carry an embedded cluster? Everything that is missing, at once, each with what to do about it."""

import ctypes
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cluster.runtime.cgroups import CONTROLLERS_V2, Hierarchies, discover

ELSEWHERE = "or use any other cluster, kind for one, with --context"
PACKAGES = {"runc": "runc", "unshare": "util-linux", "find": "findutils", "sh": "dash"}
UNSHARE_SECONDS_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Problem:
    """What is missing, and what to do."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}, {ELSEWHERE}"


def preflight() -> list[Problem]:
    """Empty if an embedded cluster can run here."""
    if sys.platform != "linux":
        return [Problem(f"the embedded cluster needs Linux, this is {sys.platform}", "run Seawall on a Linux machine")]
    if os.geteuid() != 0:
        return [
            Problem("the embedded cluster makes namespaces and control groups, which takes root", "run it with sudo")
        ]
    checks = (_programs, _nftables, _namespaces, _cgroups, _overlay)
    return [problem for check in checks for problem in check()]


def _programs() -> Iterator[Problem]:
    for program, package in PACKAGES.items():
        if shutil.which(program) is None:
            yield Problem(f"{program} is not on PATH", f"install it (Debian: apt install {package})")


def _nftables() -> Iterator[Problem]:
    try:
        ctypes.CDLL("libnftables.so.1")
    except OSError as error:
        yield Problem(f"libnftables cannot be loaded ({error})", "install it (Debian: apt install libnftables1)")


def _namespaces() -> Iterator[Problem]:
    argv = ["unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--mount-proc", "true"]
    with suppress(FileNotFoundError):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=UNSHARE_SECONDS_MAX, check=False)
        if done.returncode:
            evidence = done.stderr.strip() or f"exit code {done.returncode}"
            yield Problem(
                f"new namespaces are refused ({evidence})", "run outside the container or give it --privileged"
            )


def _cgroups() -> Iterator[Problem]:
    try:
        _try_cgroups(discover(), f"seawall-preflight-{secrets.token_hex(4)}")
    except OSError as error:
        remedy = "mount the cgroup file system writable, with the memory controller"
        yield Problem(f"control groups cannot limit memory here ({error})", remedy)


def _try_cgroups(hierarchies: Hierarchies, name: str) -> None:
    group = hierarchies.group("memory", name)
    if hierarchies.unified:
        enabled = " ".join(f"+{controller}" for controller in CONTROLLERS_V2)
        (group.parent / "cgroup.subtree_control").write_text(enabled)
    group.mkdir()
    group.rmdir()


def _overlay(filesystems: Callable[[], str] = Path("/proc/filesystems").read_text) -> Iterator[Problem]:
    if "\toverlay\n" not in filesystems():
        yield Problem("the kernel has no overlay file system loaded", "run: modprobe overlay")
