"""A pod that is given other resources while it runs: granted as far as there is room, without a restart if it may."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cluster.client import Obj
from cluster.config import ClusterConfig
from cluster.kubelet.allocation import allocated, asked
from cluster.kubelet.kubelet import Kubelet
from tests.kubelet.fakes import NODE, World, container, now, pod, simulate

MI = 1 << 20


def resources(cpu: str, memory: str = "64Mi") -> Obj:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu, "memory": memory}}


def serve(folder: Path, script: Callable[[World], Awaitable[None]]) -> None:
    async def scenario() -> None:
        world = World(folder=folder)
        config = ClusterConfig(id="test", state_dir=folder)
        kubelet = Kubelet(NODE, world.client, world.runtime, world.network, config, now, folder / "run")
        task = asyncio.ensure_future(kubelet.run())
        await asyncio.sleep(0)
        await script(world)
        await kubelet.stop()
        await task

    simulate(scenario())


async def begun(world: World, *, cpu: str = "100m", name: str = "web", **fields: Any) -> None:
    world.client.update("pods", pod(container(resources=resources(cpu), **fields), name=name))
    await asyncio.sleep(1)


async def resized(world: World, wanted: Obj, *, generation: int = 2) -> None:
    """What pods/resize leaves in the store."""
    spec = world.client.get("pods", "web", "shop")["spec"]
    containers = [{**spec["containers"][0], "resources": wanted}]
    patch = {"metadata": {"generation": generation}, "spec": {"containers": containers}}
    world.client.patch("pods", "web", "shop", patch)
    await asyncio.sleep(1)


def events(world: World) -> list[tuple[str, str]]:
    """About resizes."""
    return [(e["reason"], e["message"]) for e in world.client.list("events") if e["reason"].startswith("Resize")]


def status(world: World) -> Obj:
    found: Obj = world.client.get("pods", "web", "shop")["status"]
    return found


def has(world: World) -> Obj:
    """What the container's status tells."""
    (told,) = status(world)["containerStatuses"]
    return {key: told[key] for key in ("allocatedResources", "resources", "restartCount")}


def told(world: World, type: str) -> Obj | None:
    return next((c for c in status(world)["conditions"] if c["type"] == type), None)


class TestGranted:
    def test_at_once_and_without_a_restart(self, tmp_path: Path) -> None:
        async def look(world: World) -> None:
            await begun(world)
            more = resources("200m", "128Mi")
            await resized(world, more)
            assert has(world) == {"allocatedResources": more["requests"], "resources": more, "restartCount": 0}
            assert (world.runtime.limits["app"].cpu_millis, world.runtime.limits["app"].memory_bytes) == (200, 128 * MI)
            (group,) = (limits for path, limits in world.runtime.cgroups.items() if path.endswith("uid-of-web"))
            assert (group.cpu_millis, group.memory_bytes) == (200, 128 * MI)
            (started, completed) = events(world)
            said = (
                '{"containers":[{"name":"app","resources":{"limits":{"cpu":"200m","memory":"128Mi"},'
                '"requests":{"cpu":"200m","memory":"128Mi"}}}],"generation":2}'
            )
            assert started == ("ResizeStarted", f"Pod resize started: {said}")
            assert completed == ("ResizeCompleted", f"Pod resize completed: {said}")
            assert status(world)["observedGeneration"] == 2

        serve(tmp_path, look)

    def test_with_a_restart_where_the_container_wants_one(self, tmp_path: Path) -> None:
        async def look(world: World) -> None:
            policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
            await begun(world, resizePolicy=policy)
            await resized(world, resources("200m"))
            assert has(world)["restartCount"] == 0, "only for memory"
            await resized(world, resources("200m", "128Mi"), generation=3)
            await asyncio.sleep(1)
            assert has(world)["restartCount"] == 1
            assert has(world)["resources"] == resources("200m", "128Mi")
            assert world.runtime.specs[-1].limits.memory_bytes == 128 * MI
            killed = [e["message"] for e in world.client.list("events") if e["reason"] == "Killing"]
            assert killed == ["Container app resize requires restart"]
            assert [reason for reason, _ in events(world)] == ["ResizeStarted", "ResizeCompleted"] * 2

        serve(tmp_path, look)


class TestHeldBack:
    def test_it_waits_for_room_and_says_so(self, tmp_path: Path) -> None:
        """The container goes on with what it has, and gets what it waits for once there is room."""

        async def look(world: World) -> None:
            await begun(world, name="other", cpu="1")
            await begun(world)
            room = world.client.get("nodes", "node1")["status"]["allocatable"]["cpu"]
            await resized(world, resources(room))
            waits = told(world, "PodResizePending")
            assert waits is not None
            assert (waits["status"], waits["reason"], waits["observedGeneration"]) == ("True", "Deferred", 2)
            assert waits["message"].startswith("Node didn't have enough resource: cpu, requested: ")
            assert has(world)["allocatedResources"] == resources("100m")["requests"]
            ((reason, message),) = events(world)
            assert reason == "ResizeDeferred"
            assert message.startswith('Pod resize OutOfcpu: {"containers":[{"name":"app",')
            assert message.endswith(f'"generation":2,"error":"{waits["message"]}"}}')
            world.client.delete("pods", "other", "shop", grace_seconds=0)
            await asyncio.sleep(15)
            assert told(world, "PodResizePending") is None
            assert has(world)["allocatedResources"] == resources(room)["requests"]

        serve(tmp_path, look)

    def test_who_asks_for_it_no_more_waits_no_more(self, tmp_path: Path) -> None:
        async def look(world: World) -> None:
            await begun(world)
            await resized(world, resources("99"))
            assert told(world, "PodResizePending") is not None
            await resized(world, resources("100m"), generation=3)
            assert told(world, "PodResizePending") is None

        serve(tmp_path, look)

    def test_no_limit_is_set_below_what_is_in_use(self, tmp_path: Path) -> None:
        """It is tried again, and done as soon as less is in use."""

        async def look(world: World) -> None:
            await begun(world)
            world.runtime.memory_bytes = 40 * MI
            await resized(world, resources("100m", "32Mi"))
            stuck = told(world, "PodResizeInProgress")
            assert stuck is not None
            assert stuck["reason"] == "Error"
            assert stuck["message"] == (
                "cannot decrease memory limits: [attempting to set pod memory limit (33554432) below current usage "
                '(41943040), attempting to set container "app" memory limit (33554432) below current usage (41943040)]'
            )
            assert has(world)["allocatedResources"]["memory"] == "32Mi"
            assert has(world)["resources"] == resources("100m"), "what it still has"
            assert [reason for reason, _ in events(world)] == ["ResizeStarted", "ResizeError"]
            world.runtime.memory_bytes = 20 * MI
            await asyncio.sleep(11)
            assert told(world, "PodResizeInProgress") is None
            assert has(world)["resources"] == resources("100m", "32Mi")
            assert [reason for reason, _ in events(world)][-1] == "ResizeCompleted"

        serve(tmp_path, look)


amounts = st.dictionaries(st.sampled_from(["cpu", "memory"]), st.sampled_from(["1", "100m", "1Gi"]))
grants = st.fixed_dictionaries({}, optional={"requests": amounts, "limits": amounts})


class TestAllocation:
    @given(grants, grants)
    def test_a_pod_with_what_was_granted_asks_for_just_that_and_is_the_same_otherwise(
        self, one: Obj, other: Obj
    ) -> None:
        before = pod(container(resources=one), initContainers=[container("init", resources=one)])
        granted = {"app": other, "init": one}
        after = allocated(before, granted)
        assert asked(after) == granted
        assert allocated(after, asked(before)) == before
        assert asked(before) == {"app": one, "init": one}, "and what was given is left as it was"
