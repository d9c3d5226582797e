"""A runtime with real containers, in mounts of its own, and nothing left afterwards."""

import ctypes
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cluster.config import MIB, ClusterConfig
from cluster.network import namespaces
from cluster.runtime.cgroups import discover
from cluster.runtime.first import begin
from cluster.runtime.mounts import MS_PRIVATE, MS_REC, mount, unmount
from cluster.runtime.runc import Runc
from cluster.runtime.spec import Limits
from tests.runtime.bench import Bench

CLONE_NEWNS = 0x20000
NODE_MEMORY_BYTES = 512 * MIB


@pytest.fixture(scope="session")
def own_mounts() -> Path:
    """Where to mount: what is mounted from here on is seen by this process and its children alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(CLONE_NEWNS) == 0
    mount("none", Path("/"), flags=MS_REC | MS_PRIVATE)
    return Path("/dev/shm")  # noqa: S108  # in memory, and short: the path of a socket has 108 bytes at most


@pytest.fixture
def netns(own_mounts: Path) -> Iterator[Path]:
    """A network namespace with nothing in it."""
    path = own_mounts / f"seawall-test-{secrets.token_hex(4)}.netns"
    namespaces.create(path)
    yield path
    namespaces.remove(path)


@pytest.fixture
async def bench(own_mounts: Path, netns: Path, tmp_path: Path) -> AsyncIterator[Bench]:
    id = f"test-{secrets.token_hex(4)}"
    config = ClusterConfig(id=id, state_dir=tmp_path / "state")
    run_dir = own_mounts / config.cgroup
    run_dir.mkdir()
    mount("tmpfs", run_dir, "tmpfs")
    firsts = {name: begin() for name in ("node1", "node2")}
    runtime = Runc(config, firsts, run_dir)
    bench = Bench(config, runtime, netns)
    runtime.create_pod_cgroup(f"{config.cgroup}/node1", Limits(memory_bytes=NODE_MEMORY_BYTES))
    runtime.create_pod_cgroup(bench.pod, Limits())
    try:
        yield bench
    finally:
        for container in bench.started:
            await runtime.remove(container)
        for first in firsts.values():
            first.end()
        runtime.remove_pod_cgroup(config.cgroup)
        left = [root / config.cgroup for root in discover().roots() if (root / config.cgroup).exists()]
        unmount(run_dir)
        run_dir.rmdir()
        assert not left
