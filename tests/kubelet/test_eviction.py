"""Who is evicted when a node's memory runs low, as on the recorded node; and what is told."""

import asyncio
from pathlib import Path

from cluster.client import Obj
from cluster.config import MIB
from cluster.kubelet import eviction
from cluster.kubelet.disks import excess, watch_disks
from cluster.kubelet.eviction import Candidate
from cluster.kubelet.pressure import MemoryPressure
from cluster.kubelet.worker import PodWorker
from cluster.runtime.spec import Usage
from tests.kubelet.fakes import EPOCH, NODE, FakeRuntime, World, container, now, pod, simulate


def candidate(name: str, used_mib: int, request: str | None = None, priority: int = 0) -> Candidate:
    resources = {"requests": {"memory": request}} if request else {}
    return Candidate(
        pod(container("main", resources=resources), name=name, priority=priority), {"main": used_mib * MIB}
    )


def test_use_over_request_decides_so_innocents_may_go_before_the_hog() -> None:
    """The recorded order: a Burstable pod far over its request, a BestEffort pod; never who is within its request."""
    over, small = candidate("over", 230, "50Mi"), candidate("small", 10)
    within = candidate("within", 500, "600Mi")
    order = []
    left = [within, small, over]
    while left:
        chosen = eviction.choose(left)
        assert chosen is not None
        order.append(chosen.pod["metadata"]["name"])
        left.remove(chosen)
    assert order == ["over", "small", "within"]


def test_low_priority_goes_first_among_equals() -> None:
    chosen = eviction.choose([candidate("important", 500, priority=1000), candidate("other", 50)])
    assert chosen is not None
    assert chosen.pod["metadata"]["name"] == "other"


def test_nobody_goes_when_there_is_nobody() -> None:
    assert eviction.choose([]) is None


def test_the_words_are_the_recorded_ones() -> None:
    chosen = Candidate(candidate("x", 0, "50Mi").pod, {"main": 228632 * 1024})
    assert eviction.message(chosen, available_bytes=90 * MIB, threshold_bytes=100 * MIB) == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 92160Ki. "
        "Container main was using 228632Ki, request is 50Mi, has larger consumption of memory. "
    )


class Hungry(FakeRuntime):
    """Each container uses as much as its pod's first label says, in MiB."""

    def usage(self, container_id: str) -> Usage:
        spec = next(spec for spec in self.specs if spec.id == container_id)
        return Usage(memory_bytes=int(dict(spec.env)["MIB"]) * MIB, cpu_usec=0)

    def group_usage(self, _path: str) -> Usage:
        running = (id for id, exit in self._exits.items() if not exit.done())
        return Usage(memory_bytes=sum(self.usage(id).memory_bytes for id in running), cpu_usec=0)


class Growing(Hungry):
    """Since a moment that its pod names, a container uses a hundred MiB more each second."""

    def usage(self, container_id: str) -> Usage:
        env = dict(next(spec for spec in self.specs if spec.id == container_id).env)
        grown = int(max(0.0, now() - EPOCH - float(env["SINCE"])) * 100) if "SINCE" in env else 0
        return Usage(memory_bytes=(int(env["MIB"]) + grown) * MIB, cpu_usec=0)


def hungry(name: str, mib: int, **more: float) -> Obj:
    env = [{"name": key, "value": str(value)} for key, value in {"MIB": mib, **more}.items()]
    return pod(container("main", env=env), name=name)


def test_a_volume_beyond_its_limit_evicts_its_pod(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = World(folder=tmp_path)
        manifest = pod(volumes=[{"name": "scratch", "emptyDir": {"sizeLimit": "64Ki"}}])
        world.client.update("pods", manifest)
        machine = world.machine()
        worker = PodWorker(machine, manifest)
        tasks = [asyncio.ensure_future(each) for each in (worker.run(), watch_disks(machine, lambda: [worker]))]
        await asyncio.sleep(15)
        assert not worker.ending
        (worker.disk / "empty-dir/scratch/big").write_bytes(b"x" * 100_000)
        await asyncio.sleep(15)
        status = world.client.history[-1]["status"]
        assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
        assert status["message"] == 'Usage of EmptyDir volume "scratch" exceeds the limit "64Ki". '
        for task in tasks:
            task.cancel()

    simulate(scenario())


def storing(name: str, limit: str) -> Obj:
    return container(name, resources={"limits": {"ephemeral-storage": limit}})


def test_what_containers_write_counts_against_their_limits(tmp_path: Path) -> None:
    layers = {name: tmp_path / name for name in ("a", "b")}
    for layer in layers.values():
        layer.mkdir()
        (layer / "file").write_bytes(b"x" * 100_000)
    assert excess(pod(storing("a", "1Mi"), storing("b", "1Mi")), tmp_path, layers) == ""
    total = "Pod ephemeral local storage usage exceeds the total limit of containers 128Ki. "
    assert excess(pod(storing("a", "64Ki"), storing("b", "64Ki")), tmp_path, layers) == total
    own = 'Container a exceeded its local ephemeral storage limit "64Ki". '
    assert excess(pod(storing("a", "64Ki"), storing("b", "1Mi")), tmp_path, layers) == own


def test_pods_go_one_at_a_time_until_there_is_room_and_the_condition_stays_a_while(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = World(folder=tmp_path, runtime=Hungry())
        machine = world.machine()
        workers = []
        for name, mib in (("small", 40), ("large", 400), ("hog", NODE.memory_bytes // MIB - 500)):
            world.client.update("pods", hungry(name, mib))
            workers.append(PodWorker(machine, hungry(name, mib)))
        tasks = [asyncio.ensure_future(worker.run()) for worker in workers]
        await asyncio.sleep(1)
        reports: list[bool] = []
        pressure = MemoryPressure(machine, lambda: workers, lambda: reports.append(pressure.on))
        watching = asyncio.ensure_future(pressure.run())
        await asyncio.sleep(10)
        assert [w.pod["metadata"]["name"] for w in workers if w.finished] == ["hog"]
        assert reports == [True]
        await asyncio.sleep(40)
        assert reports == [True, False]
        for task in (watching, *tasks):
            task.cancel()

    simulate(scenario())


def test_a_hog_that_has_grown_since_it_was_measured_is_not_yet_known_as_one(tmp_path: Path) -> None:
    """As it was recorded: an innocent pod goes first, though the hog uses several times as much by then."""

    async def scenario() -> None:
        world = World(folder=tmp_path, runtime=Growing())
        machine = world.machine()
        workers: list[PodWorker] = []
        pressure = MemoryPressure(machine, lambda: workers, lambda: None)
        tasks = [asyncio.ensure_future(pressure.run())]
        for name, at, more in (("large", 1, {}), ("hog", 13, {"SINCE": 13.0})):
            await asyncio.sleep(at - asyncio.get_running_loop().time())
            manifest = hungry(name, 300 if name == "large" else 10, **more)
            world.client.update("pods", manifest)
            workers.append(PodWorker(machine, manifest))
            tasks.append(asyncio.ensure_future(workers[-1].run()))
        await asyncio.sleep(9)
        assert [w.pod["metadata"]["name"] for w in workers if w.ending] == ["large"]
        await asyncio.sleep(6)
        assert all(w.ending for w in workers)
        for task in tasks:
            task.cancel()

    simulate(scenario())
