"""The node agent as a whole: its node, its heartbeat, its pods, and what it answers to kubectl."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cluster.client import ApiError, BadRequest, NotFound, NotImplementedHere, Obj
from cluster.config import ClusterConfig
from cluster.kubelet.kubelet import Kubelet
from cluster.kubelet.node import node_status
from cluster.kubelet.tokens import PodTokens
from cluster.nodeservice import LogOptions
from cluster.timestamps import parse_time
from tests.kubelet.fakes import EPOCH, NODE, FakeClient, Script, World, container, now, pod, simulate


def serve(folder: Path, script: Callable[[World, Kubelet], Awaitable[None]], **scripts: list[Script]) -> None:
    async def scenario() -> None:
        world = World(folder=folder)
        world.runtime.scripts = scripts
        config = ClusterConfig(id="test", state_dir=folder)
        run_dir = folder / "run"
        kubelet = Kubelet(NODE, world.client, world.runtime, world.network, config, now, run_dir)
        task = asyncio.ensure_future(kubelet.run())
        await asyncio.sleep(0)
        await script(world, kubelet)
        await kubelet.stop()
        await task
        assert not world.runtime.running(), "a stopped kubelet leaves no container"

    simulate(scenario())


class TestNode:
    def test_it_is_ready_at_once(self, tmp_path: Path) -> None:
        async def look(world: World, _kubelet: Kubelet) -> None:
            node = world.client.get("nodes", "node1")
            ready = next(c for c in node["status"]["conditions"] if c["type"] == "Ready")
            assert (ready["status"], ready["reason"]) == ("True", "KubeletReady")
            assert node["metadata"]["labels"]["topology.kubernetes.io/zone"] == "zone-a"
            assert node["spec"]["podCIDR"] == "198.18.1.0/24"
            assert node["status"]["capacity"]["memory"] == "1048576Ki"
            assert node["status"]["allocatable"]["memory"] == "946176Ki", "100Mi are kept back"

        serve(tmp_path, look)

    def test_its_lease_is_renewed_every_ten_seconds(self, tmp_path: Path) -> None:
        async def look(world: World, _kubelet: Kubelet) -> None:
            first = renewed(world.client)
            await asyncio.sleep(35)
            assert renewed(world.client) - first == 30

        serve(tmp_path, look)

    def test_a_node_that_was_given_up_says_ready_with_its_next_heartbeat(self, tmp_path: Path) -> None:
        """After a silence the control plane marks it Unknown; the kubelet compares what it is said to be each time."""

        async def look(world: World, _kubelet: Kubelet) -> None:
            status = world.client.get("nodes", "node1")["status"]
            unknown = [{**c, "status": "Unknown"} for c in status["conditions"]]
            patch = {"status": {"conditions": unknown}}
            world.client.patch("nodes", "node1", "", patch, subresource="status")
            await asyncio.sleep(11)
            statuses = {c["type"]: c["status"] for c in world.client.get("nodes", "node1")["status"]["conditions"]}
            assert (statuses["Ready"], statuses["MemoryPressure"]) == ("True", "False")

        serve(tmp_path, look)

    def test_a_status_that_stays_true_is_not_written_at_every_heartbeat(self, tmp_path: Path) -> None:
        async def look(world: World, _kubelet: Kubelet) -> None:
            before = world.client.get("nodes", "node1")["status"]
            await asyncio.sleep(35)
            assert world.client.get("nodes", "node1")["status"] == before

        serve(tmp_path, look)

    def test_a_dead_node_renews_nothing(self, tmp_path: Path) -> None:
        async def look(world: World, kubelet: Kubelet) -> None:
            await kubelet.die()
            first = renewed(world.client)
            await asyncio.sleep(35)
            assert renewed(world.client) == first

        serve(tmp_path, look)

    def test_pressure_is_a_condition_with_its_own_transition_time(self, tmp_path: Path) -> None:
        config = ClusterConfig(id="test", state_dir=tmp_path)
        calm = node_status(NODE, config, pressure=False, before=[], now=EPOCH)["conditions"]
        low = node_status(NODE, config, pressure=True, before=calm, now=EPOCH + 60)["conditions"]
        memory, disk = low[0], low[1]
        assert (memory["status"], memory["reason"]) == ("True", "KubeletHasInsufficientMemory")
        assert parse_time(memory["lastTransitionTime"]) == EPOCH + 60
        assert parse_time(disk["lastTransitionTime"]) == EPOCH


def renewed(client: FakeClient) -> float:
    return parse_time(client.get("leases.coordination.k8s.io", "node1", "kube-node-lease")["spec"]["renewTime"])


class TestPods:
    def test_pods_bound_to_the_node_run_and_are_deleted(self, tmp_path: Path) -> None:
        async def look(world: World, kubelet: Kubelet) -> None:
            world.client.update("pods", pod())
            await asyncio.sleep(1)
            assert world.runtime.running() == ["app"]
            world.client.delete("pods", "web", "shop")
            await asyncio.sleep(1)
            assert not world.runtime.running()
            assert not kubelet.workers

        serve(tmp_path, look)

    def test_a_pod_that_was_taken_away_by_force_is_still_looked_after(self, tmp_path: Path) -> None:
        async def look(world: World, kubelet: Kubelet) -> None:
            world.client.update("pods", pod())
            await asyncio.sleep(1)
            world.client.delete("pods", "web", "shop", grace_seconds=0)
            await asyncio.sleep(0.01)
            assert kubelet.workers, "its containers are being killed; a node that stops now must know them"

        serve(tmp_path, look, app=[Script(stops_after=None)])

    def test_whoever_comes_to_look_into_a_pod_is_let_in_in_whatever_order_they_are_listed(self, tmp_path: Path) -> None:
        async def look(world: World, _kubelet: Kubelet) -> None:
            for names in ([], ["first"], ["second", "first"]):
                world.client.update("pods", pod(ephemeralContainers=[container(name) for name in names]))
                await asyncio.sleep(1)
            assert world.runtime.running() == ["app", "first", "second"]

        serve(tmp_path, look)

    def test_a_node_low_on_memory_rejects_who_asks_for_none(self, tmp_path: Path) -> None:
        async def look(world: World, kubelet: Kubelet) -> None:
            kubelet.pressure.on = True
            asking = pod()
            world.client.update("pods", {**asking, "status": {**asking["status"], "qosClass": "BestEffort"}})
            await asyncio.sleep(1)
            status = world.client.get("pods", "web", "shop")["status"]
            assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
            assert status["message"] == "Pod was rejected: The node had condition: [MemoryPressure]. "
            assert not kubelet.workers

        serve(tmp_path, look)

    def test_a_pod_kept_by_a_finalizer_does_not_start_again(self, tmp_path: Path) -> None:
        class Keeping(FakeClient):
            """Objects stay when they are deleted, as with a finalizer."""

            def delete(self, resource: str, name: str, namespace: str = "", **_options: object) -> None:
                obj = self.get(resource, name, namespace)
                stamps = {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 1}
                self.update(resource, obj | {"metadata": obj["metadata"] | stamps})

        async def scenario() -> None:
            world = World(folder=tmp_path, client=Keeping())
            config = ClusterConfig(id="test", state_dir=tmp_path)
            kubelet = Kubelet(NODE, world.client, world.runtime, world.network, config, now, tmp_path / "run")
            task = asyncio.ensure_future(kubelet.run())
            world.client.update("pods", pod())
            await asyncio.sleep(1)
            world.client.delete("pods", "web", "shop")
            await asyncio.sleep(60)
            assert [what for _, what in world.runtime.log].count("start app") == 1
            await kubelet.stop()
            await task

        simulate(scenario())


class TestAnswers:
    @pytest.mark.parametrize(
        ("name", "options", "error", "message"),
        [
            ("other", LogOptions(), NotFound, 'pods "other" not found'),
            (
                "web",
                LogOptions(),
                BadRequest,
                "a container name must be specified for pod web, choose one of: [app side]",
            ),
            ("web", LogOptions(container="nope"), BadRequest, "container nope is not valid for pod web"),
            (
                "web",
                LogOptions(container="app", previous=True),
                BadRequest,
                'previous terminated container "app" in pod "web" not found',
            ),
            (
                "web",
                LogOptions(container="side"),
                BadRequest,
                'container "side" in pod "web" is waiting to start: ErrImagePull',
            ),
        ],
    )
    def test_logs_that_are_not_there_are_refused(
        self, tmp_path: Path, name: str, options: LogOptions, error: type[ApiError], message: str
    ) -> None:
        async def look(world: World, kubelet: Kubelet) -> None:
            world.client.update("pods", pod(container(), container("side", image="demo/missing:1")))
            await asyncio.sleep(0.5)
            with pytest.raises(error) as refused:
                kubelet.logs("shop", name, options)
            assert refused.value.message == message

        serve(tmp_path, look)

    def test_a_container_that_does_not_run_takes_no_command(self, tmp_path: Path) -> None:
        async def look(world: World, kubelet: Kubelet) -> None:
            world.client.update("pods", pod(container(image="demo/missing:1")))
            await asyncio.sleep(0.5)
            with pytest.raises(NotFound, match='container not found \\("app"\\)'):
                await kubelet.exec("shop", "web", "app", ["ls"], stdin=False, tty=False)

        serve(tmp_path, look)

    def test_usage_is_known_by_pod_and_container(self, tmp_path: Path) -> None:
        async def look(world: World, kubelet: Kubelet) -> None:
            world.client.update("pods", pod())
            await asyncio.sleep(0.5)
            assert list(kubelet.usage().pods["shop", "web"]) == ["app"]

        serve(tmp_path, look)

    def test_its_own_api_tells_what_is_available_and_when_it_evicts(self, tmp_path: Path) -> None:
        async def look(world: World, kubelet: Kubelet) -> None:
            world.client.update("pods", pod())
            await asyncio.sleep(0.5)
            told = kubelet.ask("stats/summary")
            memory = told["node"]["memory"]
            assert memory["availableBytes"] == kubelet.node.memory_bytes - memory["workingSetBytes"]
            assert [p["podRef"] for p in told["pods"]] == [{"name": "web", "namespace": "shop"}]
            assert kubelet.ask("configz")["kubeletconfig"]["evictionHard"] == {"memory.available": "100Mi"}
            with pytest.raises(NotImplementedHere, match="runningpods"):
                kubelet.ask("runningpods")

        serve(tmp_path, look)


def test_tokens_are_kept_and_renewed_in_time() -> None:
    async def scenario() -> None:
        tokens = PodTokens(client=FakeClient(), pod=pod(), clock=now)
        first = tokens.token("", 1000)
        await asyncio.sleep(700)
        assert tokens.token("", 1000) == first
        assert tokens.token("other", 1000) != first
        await asyncio.sleep(150)
        assert tokens.token("", 1000) != first

    simulate(scenario())


def test_a_mounted_token_is_renewed_by_the_heartbeat(tmp_path: Path) -> None:
    source: Obj = {"sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 600}}]}

    async def look(world: World, kubelet: Kubelet) -> None:
        world.client.update("pods", pod(volumes=[{"name": "v", "projected": source}]))
        await asyncio.sleep(1)
        (worker,) = kubelet.workers.values()
        file = worker.memory / "made/v/token"
        first = file.read_text()
        await asyncio.sleep(400)
        assert file.read_text() == first
        await asyncio.sleep(100)
        assert file.read_text() != first

    serve(tmp_path, look)
