"""What becomes of a pod, as watched through the API: states, phases and events in the recorded order."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from cluster.client import Obj
from cluster.kubelet.status import Failure
from cluster.kubelet.worker import End, PodWorker
from cluster.runtime.spec import ExecResult
from tests.kubelet.fakes import FakeClient, Script, World, container, pod, simulate


def play(folder: Path, manifest: Obj, script: Callable[[World], Awaitable[None]], **scripts: Any) -> World:
    """Run one pod on a fake node while `script` watches and acts."""
    seen: list[World] = []

    async def scenario() -> None:
        world = World(folder=folder)
        seen.append(world)
        world.runtime.scripts = {name: list(value) for name, value in scripts.items()}
        world.client.update("pods", manifest)
        worker = world.worker = PodWorker(world.machine(), manifest)
        following = asyncio.ensure_future(follow(world.client, worker))
        task = asyncio.ensure_future(worker.run())
        await script(world)
        following.cancel()
        task.cancel()

    simulate(scenario())
    return seen[0]


async def follow(client: FakeClient, worker: PodWorker) -> None:
    async for event in client.watch("pods"):
        if event.type == "DELETED":
            worker.gone()
        else:
            worker.update(event.object)


async def seconds(amount: float) -> None:
    await asyncio.sleep(amount)


def lasting(amount: float) -> Callable[[World], Awaitable[None]]:
    """A script that only lets time pass."""
    return lambda _: seconds(amount)


def states(world: World, name: str = "app") -> list[str]:
    """The distinct states of a container, in order: "waiting ContainerCreating", "running", "terminated Error 3"."""
    found: list[str] = []
    for version in world.client.history:
        status = version.get("status", {})
        for entry in status.get("containerStatuses", []) + status.get("initContainerStatuses", []):
            text = state_text(entry["state"])
            if entry["name"] == name and (not found or found[-1] != text):
                found.append(text)
    return found


def state_text(state: Obj) -> str:
    (kind, fields), *_ = state.items()
    return " ".join(
        str(part) for part in (kind, fields.get("reason", ""), fields.get("exitCode", "")) if part != ""
    ).strip()


def phases(world: World) -> list[str]:
    found = [version["status"]["phase"] for version in world.client.history]
    return [phase for index, phase in enumerate(found) if index == 0 or found[index - 1] != phase]


def last_status(world: World, name: str = "app") -> Obj:
    entries: list[Obj] = world.client.history[-1]["status"]["containerStatuses"]
    return next(entry for entry in entries if entry["name"] == name)


def conditions(version: Obj) -> dict[str, str]:
    return {c["type"]: " ".join(filter(None, [c["status"], c.get("reason")])) for c in version["status"]["conditions"]}


class TestSharedProcesses:
    """With `shareProcessNamespace`: one holder for all containers of the pod, before and after each of them."""

    def test_the_holder_starts_first_and_ends_last(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            await seconds(5)
            world.client.delete("pods", "web", "shop", grace_seconds=1)
            await seconds(5)

        manifest = pod(container(), container("other"), initContainers=[container("init")], shareProcessNamespace=True)
        world = play(tmp_path, manifest, watch, init=[Script(seconds=1)])
        holder, *containers = world.runtime.specs
        assert (holder.pids_of, holder.security.uid) == ("", 65535)
        assert [(c.name, c.pids_of) for c in containers] == [(n, holder.id) for n in ("init", "app", "other")]
        assert world.runtime.removed[-1] == holder.id
        assert world.runtime.running() == []

    def test_a_restarted_container_comes_back_to_the_same_processes(self, tmp_path: Path) -> None:
        world = play(tmp_path, pod(shareProcessNamespace=True), lasting(5), app=[Script(seconds=1), Script()])
        holder, first, second = world.runtime.specs
        assert first.pids_of == second.pids_of == holder.id

    def test_a_holder_that_was_killed_is_replaced_when_the_next_container_starts(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            await seconds(1)
            for spec in world.runtime.specs[:2]:
                world.runtime.signal(spec.id, signal.SIGKILL)
            await seconds(5)

        world = play(tmp_path, pod(shareProcessNamespace=True), watch)
        holder, _, replaced, app = world.runtime.specs
        assert holder.id in world.runtime.removed
        assert app.pids_of == replaced.id != holder.id

    def test_one_that_cannot_be_started_is_told_and_tried_again(self, tmp_path: Path) -> None:
        holders = {"": [Script(fails_to_start="no more processes"), Script()]}
        world = play(tmp_path, pod(shareProcessNamespace=True), lasting(5), **holders)
        assert states(world) == ["waiting ContainerCreating", "waiting CreateContainerError", "running"]

    def test_otherwise_each_container_has_its_own(self, tmp_path: Path) -> None:
        world = play(tmp_path, pod(shareProcessNamespace=False), lasting(1))
        assert [(spec.name, spec.pids_of) for spec in world.runtime.specs] == [("app", "")]


class TestStarting:
    def test_a_pod_becomes_running_and_ready_in_three_statuses(self, tmp_path: Path) -> None:
        world = play(tmp_path, pod(), lasting(1))
        assert states(world) == ["waiting ContainerCreating", "running"]
        assert phases(world) == ["Pending", "Running"]
        assert world.reasons() == ["Pulled", "Created", "Started"]
        assert len(world.client.history) == 4, "the object itself, and three statuses"
        final = world.client.history[-1]
        assert final["status"]["podIP"] == "198.18.1.2"
        assert conditions(final) == {
            "PodReadyToStartContainers": "True",
            "Initialized": "True",
            "Ready": "True",
            "ContainersReady": "True",
            "PodScheduled": "True",
        }

    def test_init_containers_run_one_after_the_other_before_the_others(self, tmp_path: Path) -> None:
        manifest = pod(initContainers=[container("first"), container("second")])
        world = play(tmp_path, manifest, lasting(10), first=[Script(seconds=1)], second=[Script(seconds=2)])
        names = [what for _, what in world.runtime.log]
        assert names == ["start first", "end first", "start second", "end second", "start app"]
        assert states(world, "first") == ["waiting PodInitializing", "running", "terminated Completed 0"]
        assert states(world) == ["waiting PodInitializing", "running"]

    def test_a_failing_init_container_keeps_the_pod_pending(self, tmp_path: Path) -> None:
        world = play(tmp_path, pod(initContainers=[container("init")]), lasting(5), init=[Script(seconds=0, code=5)])
        assert phases(world) == ["Pending"]
        assert states(world, "init")[:4] == ["waiting PodInitializing", "running", "terminated Error 5", "running"]
        assert "BackOff" in world.reasons()
        assert conditions(world.client.history[-1])["Initialized"] == "False ContainersNotInitialized"

    def test_a_sidecar_runs_beside_and_counts_as_ready(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            await seconds(2)
            assert world.runtime.running() == ["app", "side"]

        world = play(tmp_path, pod(initContainers=[container("side", restartPolicy="Always")]), watch)
        status = world.client.history[-1]["status"]
        assert status["initContainerStatuses"][0]["ready"]
        assert conditions(world.client.history[-1])["Ready"] == "True"

    def test_a_missing_config_map_is_told_and_tried_again_with_back_off(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            await seconds(4)
            assert world.reasons() == ["FailedMount"] * 4
            world.client.create("configmaps", {"metadata": {"name": "src"}, "data": {"app.py": "x"}}, "shop")
            await seconds(5)

        manifest = pod(volumes=[{"name": "src", "configMap": {"name": "src"}}])
        world = play(tmp_path, manifest, watch)
        assert world.events[0][2] == 'MountVolume.SetUp failed for volume "src" : configmap "src" not found'
        assert phases(world)[-1] == "Running"

    def test_what_came_of_all_containers_is_told_at_once(self, tmp_path: Path) -> None:
        world = play(tmp_path, pod(container("a"), container("b")), lasting(1))
        assert phases(world) == ["Pending", "Running"]
        assert len(world.client.history) == 4, "the object itself, and three statuses"

    def test_a_name_that_no_image_can_have_is_refused(self, tmp_path: Path) -> None:
        world = play(tmp_path, pod(container(image="demo/App:1")), lasting(1))
        assert states(world) == ["waiting ContainerCreating", "waiting InvalidImageName"]
        assert world.reasons()[:2] == ["InspectFailed", "Failed"]

    def test_without_a_restart_a_failed_start_is_the_end(self, tmp_path: Path) -> None:
        script = [Script(fails_to_start="exec: no such file")]
        world = play(tmp_path, pod(restartPolicy="Never"), lasting(3), app=script)
        assert states(world) == ["waiting ContainerCreating", "terminated StartError 128"]
        assert phases(world) == ["Pending", "Failed"]

    def test_main_containers_wait_for_ever_behind_an_init_container_that_failed(self, tmp_path: Path) -> None:
        manifest = pod(initContainers=[container("init")], restartPolicy="Never")
        world = play(tmp_path, manifest, lasting(3), init=[Script(seconds=1, code=5)])
        assert states(world) == ["waiting PodInitializing"]
        assert phases(world) == ["Pending", "Failed"]

    def test_a_readiness_gate_opens_when_somebody_says_so(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            await seconds(1)
            assert conditions(world.client.history[-1])["Ready"] == "False ReadinessGatesNotReady"
            status = world.client.get("pods", "web", "shop")["status"]
            opened = [*status["conditions"], {"type": "example.com/gate", "status": "True"}]
            world.client.patch("pods", "web", "shop", {"status": {"conditions": opened}}, subresource="status")
            await seconds(1)

        world = play(tmp_path, pod(readinessGates=[{"conditionType": "example.com/gate"}]), watch)
        assert conditions(world.client.history[-1])["Ready"] == "True"

    def test_an_image_that_is_not_there_backs_off(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            await seconds(10)
            world.runtime.images.add("demo/other:1")
            await seconds(10)

        world = play(tmp_path, pod(container(image="demo/other:1")), watch)
        assert states(world) == [
            "waiting ContainerCreating",
            "waiting ErrImagePull",
            "waiting ImagePullBackOff",
            "running",
        ]
        assert world.reasons()[:5] == ["Pulling", "Failed", "Failed", "BackOff", "Failed"]

    def test_an_image_that_must_not_be_pulled_is_refused(self, tmp_path: Path) -> None:
        world = play(tmp_path, pod(container(image="demo/missing:1", imagePullPolicy="Never")), lasting(0.5))
        text = 'Container image "demo/missing:1" is not present with pull policy of Never'
        assert world.events == [
            ("Warning", "ErrImageNeverPull", text),
            ("Warning", "Failed", "Error: ErrImageNeverPull"),
        ]
        assert states(world)[-1] == "waiting ErrImageNeverPull"

    def test_a_missing_variable_source_is_a_config_error(self, tmp_path: Path) -> None:
        manifest = pod(container(envFrom=[{"configMapRef": {"name": "settings"}}]))
        world = play(tmp_path, manifest, lasting(0.5))
        assert states(world)[-1] == "waiting CreateContainerConfigError"
        assert world.events[-1] == ("Warning", "Failed", 'Error: configmap "settings" not found')

    def test_a_command_that_cannot_be_started_is_a_start_error(self, tmp_path: Path) -> None:
        world = play(tmp_path, pod(), lasting(1), app=[Script(fails_to_start="exec: no such file")])
        assert "waiting RunContainerError" in states(world)
        assert last_status(world)["lastState"]["terminated"]["reason"] == "StartError"
        assert last_status(world)["lastState"]["terminated"]["exitCode"] == 128

    def test_what_could_not_start_and_is_not_tried_again_has_one_end(self, tmp_path: Path) -> None:
        world = play(tmp_path, pod(restartPolicy="Never"), lasting(5), app=[Script(fails_to_start="no such file")])
        assert states(world)[-1] == "terminated StartError 128"
        assert last_status(world)["lastState"] == {}
        assert phases(world)[-1] == "Failed"

    def test_an_image_name_that_is_none_is_not_looked_for(self, tmp_path: Path) -> None:
        world = play(tmp_path, pod(container(image="BusyBox:1")), lasting(2))
        assert states(world)[-1] == "waiting InvalidImageName"
        assert ("Warning", "InspectFailed") in [(type, reason) for type, reason, _ in world.events]
        assert "Error: InvalidImageName" in [message for _, _, message in world.events]

    def test_what_a_failed_pod_never_came_to_still_waits(self, tmp_path: Path) -> None:
        manifest = pod(restartPolicy="Never", initContainers=[container("first"), container("second")])
        world = play(tmp_path, manifest, lasting(5), first=[Script(seconds=0, code=5)])
        assert phases(world)[-1] == "Failed"
        assert states(world, "first")[-1] == "terminated Error 5"
        assert states(world, "second")[-1] == "waiting PodInitializing"
        assert states(world)[-1] == "waiting PodInitializing"


class TestRestarting:
    def test_the_first_restart_is_immediate_then_ten_twenty_forty_seconds(self, tmp_path: Path) -> None:
        world = play(tmp_path, pod(), lasting(100), app=[Script(seconds=1, code=3)])
        starts = [at for at, what in world.runtime.log if what == "start app"]
        gaps = [round(b - a - 1) for a, b in pairwise(starts)]
        assert gaps == [0, 10, 20, 40]

    def test_what_a_probe_ended_is_restarted_twice_before_it_is_held_back(self, tmp_path: Path) -> None:
        """The kubelet counts from the last end that it knew of when it killed (recording: probe-exec-failing)."""

        async def watch(world: World) -> None:
            world.runtime.execs["check",] = ExecResult(code=4, output=b"")
            await seconds(12)

        probe = {"exec": {"command": ["check"]}, "periodSeconds": 1, "failureThreshold": 2}
        world = play(tmp_path, pod(container(livenessProbe=probe)), watch)
        assert [what for _, what in world.runtime.log].count("start app") == 3
        assert states(world)[-1] == "waiting CrashLoopBackOff"
        assert world.reasons().count("BackOff") == 2

    def test_a_crash_is_shown_as_terminated_and_becomes_the_last_state(self, tmp_path: Path) -> None:
        world = play(tmp_path, pod(), lasting(14), app=[Script(seconds=1, code=3)])
        assert states(world) == [
            "waiting ContainerCreating",
            "running",
            "terminated Error 3",
            "running",
            "terminated Error 3",
            "waiting CrashLoopBackOff",
            "running",
            "terminated Error 3",
        ]
        assert phases(world) == ["Pending", "Running"]
        assert last_status(world)["restartCount"] == 2
        back_off = next(message for _, reason, message in world.events if reason == "BackOff")
        assert back_off == "Back-off restarting failed container app in pod web_shop(uid-of-web)"

    def test_an_oom_kill_is_named(self, tmp_path: Path) -> None:
        world = play(tmp_path, pod(), lasting(3), app=[Script(seconds=1, code=137, oom=True), Script()])
        assert states(world)[2] == "terminated OOMKilled 137"
        assert last_status(world)["lastState"]["terminated"]["reason"] == "OOMKilled"
        assert last_status(world)["restartCount"] == 1

    def test_a_job_pod_that_succeeds_is_running_until_nothing_of_it_is_left(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            await seconds(3)
            assert not world.network.attached
            assert not world.runtime.cgroups

        world = play(tmp_path, pod(restartPolicy="Never"), watch, app=[Script(seconds=1)])
        assert phases(world) == ["Pending", "Running", "Succeeded"]
        ended = [v for v in world.client.history if "terminated Completed 0" in str(states_of(v))]
        assert conditions(ended[0])["Ready"] == "False PodCompleted"
        assert conditions(ended[-1])["PodReadyToStartContainers"] == "False"

    def test_on_failure_restarts_failures_only(self, tmp_path: Path) -> None:
        scripts = [Script(seconds=1, code=1), Script(seconds=1, code=0)]
        world = play(tmp_path, pod(restartPolicy="OnFailure"), lasting(5), app=scripts)
        assert phases(world)[-1] == "Succeeded"
        assert last_status(world)["restartCount"] == 1

    def test_a_new_image_restarts_the_container(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            await seconds(1)
            world.runtime.images.add("demo/app:2")
            world.client.update(
                "pods", pod(container(image="demo/app:2")) | {"status": world.client.history[-1]["status"]}
            )
            await seconds(5)

        world = play(tmp_path, pod(), watch)
        assert world.runtime.specs[-1].image == "demo/app:2"
        assert "Container app definition changed, will be restarted" in [m for _, _, m in world.events]


class TestEnding:
    def test_deletion_stops_gracefully_and_reports_before_the_object_goes(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            await seconds(1)
            world.client.delete("pods", "web", "shop")
            await seconds(1)
            assert ("pods", "shop", "web") not in world.client.objects
            assert not world.worker.disk.exists()
            assert not world.worker.memory.exists()

        world = play(tmp_path, pod(), watch)
        assert [what for _, what in world.runtime.log] == ["start app", "SIGTERM app", "end app"]
        assert world.events[-1] == ("Normal", "Killing", "Stopping container app")
        assert phases(world)[-1] == "Succeeded"

    def test_who_ignores_sigterm_is_killed_when_the_grace_is_over(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            await seconds(1)
            world.client.delete("pods", "web", "shop", grace_seconds=5)
            await seconds(10)

        world = play(tmp_path, pod(), watch, app=[Script(stops_after=None)])
        times = {what: at for at, what in world.runtime.log}
        assert round(times["SIGKILL app"] - times["SIGTERM app"], 3) == 5
        assert phases(world)[-1] == "Failed"
        assert last_status(world)["state"]["terminated"]["exitCode"] == 137

    def test_pre_stop_runs_first_and_within_the_grace(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            await seconds(1)
            world.client.delete("pods", "web", "shop")
            await seconds(40)

        hook = {"preStop": {"sleep": {"seconds": 3}}}
        world = play(tmp_path, pod(container(lifecycle=hook)), watch)
        times = {what: at for at, what in world.runtime.log}
        assert round(times["SIGTERM app"], 3) == 4

    def test_sidecars_outlive_the_main_containers(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            await seconds(1)
            world.client.delete("pods", "web", "shop")
            await seconds(5)

        manifest = pod(initContainers=[container("side", restartPolicy="Always")])
        world = play(tmp_path, manifest, watch)
        ends = [what for _, what in world.runtime.log if "end" in what]
        assert ends == ["end app", "end side"]

    def test_a_pod_whose_work_is_done_runs_on_until_its_sidecars_have_ended(self, tmp_path: Path) -> None:
        manifest = pod(restartPolicy="Never", initContainers=[container("side", restartPolicy="Always")])
        world = play(tmp_path, manifest, lasting(8), app=[Script(seconds=2)])
        assert phases(world) == ["Pending", "Running", "Succeeded"]
        told = [
            conditions(version)["ContainersReady"]
            for version in world.client.history
            if "conditions" in version["status"]
        ]
        assert [*dict.fromkeys(told)] == ["False ContainersNotReady", "True", "False PodCompleted"]
        assert told[told.index("False PodCompleted") - 1] == "False ContainersNotReady"

    def test_a_sidecar_that_ended_well_waits_for_its_restart_unseen(self, tmp_path: Path) -> None:
        manifest = pod(initContainers=[container("side", restartPolicy="Always")])
        world = play(tmp_path, manifest, lasting(8), side=[Script(seconds=1), Script(seconds=1)])
        assert "waiting CrashLoopBackOff" not in states(world, "side")

    def test_a_forced_deletion_hurries(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            await seconds(1)
            world.client.delete("pods", "web", "shop", grace_seconds=20)
            await seconds(1)
            world.client.delete("pods", "web", "shop", grace_seconds=0)
            await seconds(1)
            assert not world.runtime.running()
            assert not world.network.attached

        play(tmp_path, pod(), watch, app=[Script(stops_after=None)])

    def test_deletion_while_starting_leaves_nothing(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            await seconds(0.01)
            world.client.delete("pods", "web", "shop")
            await seconds(5)
            assert not world.runtime.running()
            assert not world.network.attached
            assert len(world.runtime.removed) == len(world.runtime.specs)
            assert ("pods", "shop", "web") not in world.client.objects

        play(tmp_path, pod(), watch)

    def test_a_pod_that_never_ran_ends_with_containers_that_cannot_be_located(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            await seconds(1)
            world.client.delete("pods", "web", "shop")
            await seconds(5)

        world = play(tmp_path, pod(container(image="demo/missing:1")), watch)
        assert states(world)[-1] == "terminated ContainerStatusUnknown 137"
        assert phases(world)[-1] == "Failed"

    def test_a_deadline_fails_the_pod(self, tmp_path: Path) -> None:
        world = play(tmp_path, pod(activeDeadlineSeconds=10), lasting(20))
        status = world.client.history[-1]["status"]
        assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")

    def test_an_eviction_is_told_in_phase_reason_and_condition(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            await seconds(1)
            world.worker.end(
                End(grace_seconds=0, failure=Failure(reason="Evicted", message="low on memory", disruption=True))
            )
            await seconds(5)

        world = play(tmp_path, pod(), watch)
        final = world.client.history[-1]
        assert (final["status"]["phase"], final["status"]["reason"]) == ("Failed", "Evicted")
        assert conditions(final)["DisruptionTarget"] == "True TerminationByKubelet"

    def test_a_dying_node_tells_nobody_and_leaves_nothing(self, tmp_path: Path) -> None:
        async def scenario() -> None:
            world = World(folder=tmp_path)
            world.client.update("pods", pod())
            worker = PodWorker(world.machine(), pod())
            task = asyncio.ensure_future(worker.run())
            await seconds(1)
            before = len(world.client.history)
            await worker.die(task)
            assert len(world.client.history) == before
            assert not world.runtime.running()
            assert not world.network.attached

        simulate(scenario())


class TestHooks:
    def test_a_failing_post_start_hook_ends_the_container(self, tmp_path: Path) -> None:
        command = ("sh", "-c", "echo no; exit 1")

        async def watch(world: World) -> None:
            world.runtime.execs[command] = ExecResult(code=1, output=b"no\n")
            await seconds(2)

        hook = {"postStart": {"exec": {"command": list(command)}}}
        world = play(tmp_path, pod(container(lifecycle=hook)), watch)
        assert world.reasons()[:5] == ["Pulled", "Created", "Started", "FailedPostStartHook", "Killing"]
        waits = [v for v in world.client.history if "PostStartHookError" in str(v)]
        text = waits[0]["status"]["containerStatuses"][0]["state"]["waiting"]["message"]
        assert text == (
            'Exec lifecycle hook ([sh -c echo no; exit 1]) for Container "app" in Pod "web_shop(uid-of-web)" failed'
            " - error: command 'sh -c echo no; exit 1' exited with 1: , message: \"no\\n\""
        )
        assert waits[0]["status"]["containerStatuses"][0]["restartCount"] == 0


class TestProbing:
    def test_a_restarted_container_seems_started_until_its_startup_probe_notices(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            world.runtime.execs["up",] = ExecResult(code=0, output=b"")
            world.runtime.execs["check",] = ExecResult(code=4, output=b"")
            await seconds(2.5)
            world.runtime.execs["check",] = ExecResult(code=0, output=b"")
            await seconds(6)

        startup = {"exec": {"command": ["up"]}, "periodSeconds": 1}
        live = {"exec": {"command": ["check"]}, "periodSeconds": 2, "failureThreshold": 1}
        world = play(tmp_path, pod(container(startupProbe=startup, livenessProbe=live)), watch)
        entries = [version["status"].get("containerStatuses", [{}])[0] for version in world.client.history]
        shown = [(entry["restartCount"], entry["started"]) for entry in entries if entry]
        assert [*dict.fromkeys(shown)][-3:] == [(0, True), (1, True), (1, False)]
        assert shown[-1] == (1, True)

    def test_a_pod_that_is_not_restarted_ends_with_its_last_container(self, tmp_path: Path) -> None:
        probe = {"exec": {"command": ["check"]}, "periodSeconds": 1, "failureThreshold": 1}

        async def watch(world: World) -> None:
            world.runtime.execs["check",] = ExecResult(code=4, output=b"")
            await seconds(6)

        world = play(tmp_path, pod(container(livenessProbe=probe), restartPolicy="Never"), watch)
        assert ("Normal", "Killing", "Stopping container app") in world.events
        assert phases(world)[-1] in ("Succeeded", "Failed")

    def test_a_failing_liveness_probe_restarts_the_container(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            world.runtime.execs["check",] = ExecResult(code=4, output=b"not today\n")
            await seconds(3.5)

        probe = {"exec": {"command": ["check"]}, "periodSeconds": 1, "failureThreshold": 2}
        world = play(tmp_path, pod(container(livenessProbe=probe)), watch)
        assert ("Warning", "Unhealthy", "Liveness probe failed: not today\n") in world.events
        assert ("Normal", "Killing", "Container app failed liveness probe, will be restarted") in world.events
        assert last_status(world)["restartCount"] == 1
        assert "terminated" not in " ".join(states(world)), (
            "what the kubelet ended itself is shown running, then restarted"
        )

    def test_readiness_follows_its_probe_both_ways(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            await seconds(1)
            assert last_status(world)["ready"]
            world.runtime.execs["check",] = ExecResult(code=1, output=b"")
            await seconds(3)
            assert not last_status(world)["ready"]
            assert conditions(world.client.history[-1])["Ready"] == "False ContainersNotReady"
            world.runtime.execs.clear()
            await seconds(2)
            assert last_status(world)["ready"]

        probe = {"exec": {"command": ["check"]}, "periodSeconds": 1, "failureThreshold": 2}
        play(tmp_path, pod(container(readinessProbe=probe)), watch)

    def test_nothing_else_probes_until_the_startup_probe_succeeds(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            world.runtime.execs["up",] = ExecResult(code=1, output=b"")
            await seconds(2.5)
            assert not last_status(world)["started"]
            assert "exec live" not in [what for _, what in world.runtime.log]
            world.runtime.execs.clear()
            await seconds(3)
            assert last_status(world)["started"]
            assert "exec live" in [what for _, what in world.runtime.log]

        startup = {"exec": {"command": ["up"]}, "periodSeconds": 1, "failureThreshold": 30}
        live = {"exec": {"command": ["live"]}, "periodSeconds": 1}
        play(tmp_path, pod(container(startupProbe=startup, livenessProbe=live)), watch)

    def test_a_probe_may_have_its_own_grace_period(self, tmp_path: Path) -> None:
        async def watch(world: World) -> None:
            world.runtime.execs["check",] = ExecResult(code=1, output=b"")
            await seconds(20)

        probe = {
            "exec": {"command": ["check"]},
            "periodSeconds": 1,
            "failureThreshold": 1,
            "terminationGracePeriodSeconds": 4,
        }
        world = play(tmp_path, pod(container(livenessProbe=probe)), watch, app=[Script(stops_after=None)])
        kills = {what: at for at, what in reversed(world.runtime.log)}
        assert round(kills["SIGKILL app"] - kills["SIGTERM app"], 3) == 4


def states_of(version: Obj) -> list[str]:
    return [state_text(entry["state"]) for entry in version["status"].get("containerStatuses", [])]


class TestReboot:
    """A pod that an earlier life of its node ran."""

    def left(self, *, policy: str, state: Obj) -> Obj:
        manifest = pod(container(), initContainers=[container("init")], restartPolicy=policy)
        entry = {"name": "app", "image": "demo/app:1", "restartCount": 2, "containerID": "containerd://abc"}
        began = {"phase": "Running", "startTime": "2026-01-01T00:00:00Z"}
        status = {**began, "containerStatuses": [{**entry, "state": state, "lastState": {}}]}
        return {**manifest, "status": {**manifest["status"], **status}}

    def test_what_ran_is_lost_and_starts_again(self, tmp_path: Path) -> None:
        world = play(tmp_path, self.left(policy="Always", state={"running": {}}), lasting(5), init=[Script(seconds=1)])
        assert world.reasons()[0] == "SandboxChanged"
        status = last_status(world)
        assert (status["restartCount"], status["ready"]) == (3, True)
        assert state_text(status["lastState"]) == "terminated Unknown 255"
        assert world.client.history[-1]["status"]["startTime"] == "2026-01-01T00:00:00Z"

    def test_what_must_not_start_twice_has_failed(self, tmp_path: Path) -> None:
        world = play(tmp_path, self.left(policy="Never", state={"running": {}}), lasting(5))
        assert phases(world)[-1] == "Failed"
        assert not world.runtime.log

    def test_what_had_done_its_work_does_not_do_it_again(self, tmp_path: Path) -> None:
        done = {"terminated": {"exitCode": 0, "reason": "Completed"}}
        world = play(tmp_path, self.left(policy="OnFailure", state=done), lasting(5))
        assert phases(world)[-1] == "Succeeded"
        assert not world.runtime.log
