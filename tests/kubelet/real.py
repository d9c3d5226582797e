"""A node with real containers, real links and a real kubelet; only the API is the fake one."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.client import Obj
from cluster.config import ClusterConfig
from cluster.kubelet.kubelet import Kubelet
from cluster.kubelet.worker import PodWorker
from cluster.nodeservice import LogOptions
from cluster.runtime import cgroups
from cluster.runtime.first import begin
from cluster.runtime.runc import Runc
from tests.kubelet.fakes import NODE, FakeClient
from tests.network.world import running_network

PATIENCE_SECONDS = 10.0


@dataclass
class RealNode:
    client: FakeClient
    kubelet: Kubelet
    folder: Path

    def status(self, name: str = "web") -> Obj:
        found: Obj = self.client.get("pods", name, "shop").get("status") or {}
        return found

    def container(self, name: str = "web") -> Obj:
        entries = self.status(name).get("containerStatuses") or [{"state": {}, "ready": False, "restartCount": 0}]
        found: Obj = entries[0]
        return found

    def worker(self, name: str = "web") -> PodWorker:
        return next(w for w in self.kubelet.workers.values() if w.pod["metadata"]["name"] == name)

    async def logs(self, name: str = "web", **options: object) -> str:
        stream = self.kubelet.logs("shop", name, LogOptions(**options))  # type: ignore[arg-type]  # by name
        return b"".join([chunk async for chunk in stream]).decode()

    async def until(self, check: Callable[[], object], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not check():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"never {what}: {self.client.list('pods')}") from None

    async def ready(self, name: str = "web") -> None:
        await self.until(lambda: self.container(name)["ready"], f"{name} ready")

    async def gone(self, name: str = "web") -> None:
        await self.until(lambda: ("pods", "shop", name) not in self.client.objects, f"{name} gone")


@asynccontextmanager
async def real_node() -> AsyncIterator[RealNode]:
    """Must run in namespaces of its own (`tests.network.world.isolated`); leaves nothing on the machine."""
    folder = Path(tempfile.mkdtemp(prefix="seawall-test-"))
    config = ClusterConfig(id=folder.name, state_dir=folder)
    first = begin()
    async with running_network(1) as network:
        client, runtime = FakeClient(), Runc(config, {NODE.name: first})
        kubelet = Kubelet(NODE, client, runtime, network, config)
        task = asyncio.ensure_future(kubelet.run())
        try:
            yield RealNode(client, kubelet, folder)
        finally:
            await kubelet.stop()
            await asyncio.gather(task, return_exceptions=True)
            first.end()
            cgroups.remove(cgroups.discover(), config.cgroup)
            shutil.rmtree(folder, ignore_errors=True)
