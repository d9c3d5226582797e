"""Control groups, versions 1 and 2 behind the same few functions.

Paths are relative to the root of a hierarchy, as in `ClusterConfig.cgroup`. Version 1 has one hierarchy per
controller and every group exists in each of them; version 2 has one. What is written where is a pure table
(`settings_v1`, `settings_v2`); source: the kernel's admin-guide/cgroup-v1 and cgroup-v2.
"""

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cluster.runtime.spec import Limits, Usage

CPU_PERIOD_USEC = 100_000
CONTROLLERS_V2 = ("cpu", "memory", "pids")
# A group is briefly busy while the kernel buries its last process.
REMOVE_ATTEMPTS = 50
REMOVE_PAUSE_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Hierarchies:
    """Where the machine's cgroup file systems are mounted. `v2` counts only when memory is not bound to `v1`."""

    v1: Mapping[str, Path]
    v2: Path | None

    @property
    def unified(self) -> bool:
        return "memory" not in self.v1

    def roots(self) -> list[Path]:
        """Every mount in which a group of ours may exist."""
        return list(dict.fromkeys([*self.v1.values(), *([self.v2] if self.v2 else [])]))

    def group(self, controller: str, path: str) -> Path:
        """The folder that governs one controller for one group."""
        root = self.v2 if self.unified else self.v1.get(controller)
        if root is None:
            raise FileNotFoundError(errno.ENOENT, f"the cgroup controller {controller} is not mounted")
        return root / path


def parse_mounts(mounts: str) -> Hierarchies:
    """Read /proc/self/mounts."""
    v1: dict[str, Path] = {}
    v2 = None
    for line in mounts.splitlines():
        _, target, kind, options, *_ = line.split()
        if kind == "cgroup2":
            v2 = Path(target)
        elif kind == "cgroup":
            v1 |= {option: Path(target) for option in options.split(",") if option not in {"rw", "ro", "relatime"}}
    return Hierarchies(v1, v2)


def discover() -> Hierarchies:
    return parse_mounts(Path("/proc/self/mounts").read_text())


def settings_v1(limits: Limits) -> Iterator[tuple[str, str, str]]:
    """(controller, file, value), only for what is limited."""
    yield "cpu", "cpu.shares", str(limits.cpu_shares)
    if limits.memory_bytes is not None:
        yield "memory", "memory.limit_in_bytes", str(limits.memory_bytes)
    if limits.cpu_millis is not None:
        yield "cpu", "cpu.cfs_period_us", str(CPU_PERIOD_USEC)
        yield "cpu", "cpu.cfs_quota_us", str(cpu_quota_usec(limits.cpu_millis))
    if limits.pids is not None:
        yield "pids", "pids.max", str(limits.pids)


def settings_v2(limits: Limits) -> Iterator[tuple[str, str, str]]:
    """(controller, file, value), only for what is limited."""
    yield "cpu", "cpu.weight", str(cpu_weight(limits.cpu_shares))
    if limits.memory_bytes is not None:
        yield "memory", "memory.max", str(limits.memory_bytes)
    if limits.cpu_millis is not None:
        yield "cpu", "cpu.max", f"{cpu_quota_usec(limits.cpu_millis)} {CPU_PERIOD_USEC}"
    if limits.pids is not None:
        yield "pids", "pids.max", str(limits.pids)


def cpu_quota_usec(millis: int) -> int:
    """The kernel refuses a quota below one millisecond."""
    return max(1000, millis * CPU_PERIOD_USEC // 1000)


def cpu_weight(shares: int) -> int:
    """Shares (2 … 262144) on the scale of version 2 (1 … 10000), as KEP-2254 maps them."""
    return 1 + (max(2, shares) - 2) * 9999 // 262142


def create(hierarchies: Hierarchies, path: str, limits: Limits) -> None:
    """Make a group, with its parents, and limit it. Raises OSError."""
    if hierarchies.unified:
        _create_v2(hierarchies, path)
    else:
        _create_v1(hierarchies, path)
    limit(hierarchies, path, limits)


def limit(hierarchies: Hierarchies, path: str, limits: Limits) -> None:
    """Limit a group that is there; what is not named stays as it is. Raises OSError."""
    settings = settings_v2(limits) if hierarchies.unified else settings_v1(limits)
    for controller, file, value in settings:
        (hierarchies.group(controller, path) / file).write_text(value)


def enter(hierarchies: Hierarchies, path: str, pid: int = 0) -> None:
    """Move a process into a group, this one if none is named: for processor time alone where controllers are apart.

    Raises OSError.
    """
    (hierarchies.group("cpu", path) / "cgroup.procs").write_text(str(pid))


def _create_v1(hierarchies: Hierarchies, path: str) -> None:
    for root in dict.fromkeys(hierarchies.v1.values()):
        (root / path).mkdir(parents=True, exist_ok=True)
    memory = hierarchies.v1["memory"]
    hierarchy = memory / Path(path).parts[0] / "memory.use_hierarchy"
    # Kernels before 5.11 let a child escape its parent's limit unless told otherwise.
    with suppress(OSError):
        hierarchy.write_text("1")


def _create_v2(hierarchies: Hierarchies, path: str) -> None:
    here = hierarchies.group("memory", "")
    for part in Path(path).parts:
        (here / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in CONTROLLERS_V2))
        here /= part
        here.mkdir(exist_ok=True)


def remove(hierarchies: Hierarchies, path: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """Remove a group and all below it; nothing happens if it is not there. Raises OSError if processes remain."""
    for root in hierarchies.roots():
        _remove_tree(root / path, sleep)


def _remove_tree(group: Path, sleep: Callable[[float], None]) -> None:
    for folder, _, _ in os.walk(group, topdown=False):
        _remove_one(Path(folder), sleep)


def _remove_one(folder: Path, sleep: Callable[[float], None]) -> None:
    for attempt in range(1, REMOVE_ATTEMPTS + 1):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY or attempt == REMOVE_ATTEMPTS:
                raise
            sleep(REMOVE_PAUSE_SECONDS)
        else:
            return


def kill(hierarchies: Hierarchies, path: str) -> None:
    """End every process that is still in a group."""
    for pid in members(hierarchies, path):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def members(hierarchies: Hierarchies, path: str) -> list[int]:
    """The processes that are in a group and have not ended."""
    try:
        return [int(pid) for pid in (hierarchies.group("memory", path) / "cgroup.procs").read_text().split()]
    except FileNotFoundError:
        return []


def oom_kills(hierarchies: Hierarchies, path: str) -> int:
    """How many processes of the group the kernel has killed for memory; 0 when the group has gone."""
    file = "memory.events" if hierarchies.unified else "memory.oom_control"
    try:
        return _table(hierarchies.group("memory", path) / file).get("oom_kill", 0)
    except FileNotFoundError:
        return 0


def usage(hierarchies: Hierarchies, path: str) -> Usage:
    """Working set and processor time so far; zeroes when the group has gone."""
    try:
        return _usage_v2(hierarchies, path) if hierarchies.unified else _usage_v1(hierarchies, path)
    except FileNotFoundError:
        return Usage(memory_bytes=0, cpu_usec=0)


def _usage_v1(hierarchies: Hierarchies, path: str) -> Usage:
    memory = hierarchies.group("memory", path)
    used = int((memory / "memory.usage_in_bytes").read_text())
    inactive = _table(memory / "memory.stat").get("total_inactive_file", 0)
    cpu_nsec = int((hierarchies.group("cpuacct", path) / "cpuacct.usage").read_text())
    return Usage(memory_bytes=max(0, used - inactive), cpu_usec=cpu_nsec // 1000)


def _usage_v2(hierarchies: Hierarchies, path: str) -> Usage:
    group = hierarchies.group("memory", path)
    used = int((group / "memory.current").read_text())
    inactive = _table(group / "memory.stat").get("inactive_file", 0)
    cpu_usec = _table(group / "cpu.stat").get("usage_usec", 0)
    return Usage(memory_bytes=max(0, used - inactive), cpu_usec=cpu_usec)


def freeze(hierarchies: Hierarchies, path: str, frozen: bool) -> None:
    """Stop or continue every process of the group, without any of them noticing. Raises OSError."""
    if hierarchies.unified:
        (hierarchies.group("freezer", path) / "cgroup.freeze").write_text(str(int(frozen)))
    else:
        (hierarchies.group("freezer", path) / "freezer.state").write_text("FROZEN" if frozen else "THAWED")


def _table(file: Path) -> dict[str, int]:
    pairs = (line.split() for line in file.read_text().splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}
