"""What a cluster leaves on the machine, looked for where it would be."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from kubernetes import client
from kubernetes.config import new_client_from_config

from cluster.boot import Handle
from cluster.runtime.cgroups import discover

PATIENCE_SECONDS = 15.0
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "sleeper", "namespace": "default"},
    "spec": {
        "nodeName": "node1",
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "main", "image": "busybox", "command": ["sleep", "600"]}],
    },
}


def processes() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def namespaces_of(pid: int) -> frozenset[str]:
    """Identities of its namespaces; none if it has gone, or is about to."""
    with suppress(OSError):
        return frozenset(str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in ("net", "mnt", "pid"))
    return frozenset()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Traces:
    """Taken while a cluster lives, to be asked afterwards."""

    def __init__(self, handle: Handle) -> None:
        self.config = handle.config
        self.outermost = int((handle.config.state_dir / "pid").read_text())
        [self.first] = children(self.outermost)
        ours = namespaces_of(os.getpid())
        inside = [spaces for pid in processes() if namespaces_of(self.first) & (spaces := namespaces_of(pid)) - ours]
        self.namespaces = frozenset[str]().union(*inside) - ours

    def left(self) -> list[str]:
        """Everything that is still there, in words."""
        return self.processes() + self.files()

    def processes(self) -> list[str]:
        return [f"process {pid}" for pid in processes() if namespaces_of(pid) & self.namespaces]

    def files(self) -> list[str]:
        groups = [root / self.config.cgroup for root in discover().roots()]
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        return [
            *(f"cgroup {group}" for group in groups if group.exists()),
            *(f"mount {line}" for line in mounts if self.config.id in line),
            *([f"folder {self.config.state_dir}"] if self.config.state_dir.exists() else []),
        ]

    def janitor(self) -> int:
        """The one who is told by its environment to clean this cluster's folder."""
        wanted = f"FOLDER={self.config.state_dir}".encode()
        return next(pid for pid in processes() if wanted in environment(pid).split(b"\0"))


def environment(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes()
    return b""


def until_nothing_is_left(traces: Traces) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left := traces.left():
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def until(true: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def api(handle: Handle) -> Any:
    """kubernetes' CoreV1Api. Untyped: what a cluster answers is what is tested, not what it may leave out."""
    return client.CoreV1Api(new_client_from_config(str(handle.kubeconfig)))


def run_a_pod(handle: Handle) -> None:
    """Returns when its container runs."""
    core = api(handle)
    core.create_namespaced_pod("default", POD)
    until(lambda: core.read_namespaced_pod("sleeper", "default").status.phase == "Running", "the pod runs")
