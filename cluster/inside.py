"""The house of process 1: what it makes private when it is born, and how it takes everything with it when it ends."""

import os
import resource
import signal
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from cluster.config import ClusterConfig
from cluster.janitor import clean
from cluster.runtime import cgroups
from cluster.runtime.mounts import mount, unmount
from cluster.runtime.spec import Limits

# Each hierarchy costs every container a folder and a mount; these do nothing for us.
IDLE_CONTROLLERS = frozenset({"blkio", "cpuset", "hugetlb", "misc", "net_cls", "net_prio", "perf_event", "rdma"})

CONTROL_SHARES = 4096


def settle() -> None:
    """To be called once, in fresh namespaces. Raises OSError."""
    mount("tmpfs", Path("/run"), "tmpfs", options="mode=755")
    # What is written for a moment, keys too, must not stay on the machine if that moment is our last.
    tempfile.tempdir = "/run"
    _drop_idle_hierarchies()
    # The API's clients and every container have files open; and containers inherit this.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _drop_idle_hierarchies() -> None:
    hierarchies = cgroups.discover()
    if hierarchies.unified:
        return
    idle = {root for name, root in hierarchies.v1.items() if name in IDLE_CONTROLLERS or name.startswith("name=")}
    busy = {root for name, root in hierarchies.v1.items() if name not in IDLE_CONTROLLERS and "=" not in name}
    for root in [*(idle - busy), *([hierarchies.v2] if hierarchies.v2 else [])]:
        unmount(root)


def take_weight(config: ClusterConfig, others: Iterable[int]) -> None:
    """Weigh, with a few others, like a control plane's machine: pods, however many, must not starve what tends them.

    A Service without its proxy, a probe that is not asked and a name that is not resolved would look like faults of
    the workload. Raises OSError.
    """
    hierarchies = cgroups.discover()
    group = f"{config.cgroup}/control"
    cgroups.create(hierarchies, group, Limits(cpu_shares=CONTROL_SHARES))
    for pid in (0, *others):
        cgroups.enter(hierarchies, group, pid)


def leave(config: ClusterConfig) -> None:
    """Kill every process of the cluster but this one, and remove what the machine still knows of it."""
    with suppress(OSError):
        # A group with somebody in it cannot be removed.
        cgroups.enter(cgroups.discover(), "")
    _thaw(config.cgroup)
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.wait()
    _unmount_below(config.state_dir)
    clean(config)


def _thaw(group: str) -> None:
    """A frozen process does not even die, and would keep its namespaces alive."""
    hierarchies = cgroups.discover()
    with suppress(OSError):
        root = hierarchies.group("freezer", group)
        for folder, _, _ in os.walk(root):
            cgroups.freeze(hierarchies, str(Path(folder).relative_to(root.parent)), frozen=False)


def _unmount_below(folder: Path) -> None:
    targets = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for target in sorted((target for target in targets if target.startswith(f"{folder}/")), reverse=True):
        with suppress(OSError):
            unmount(Path(target))
