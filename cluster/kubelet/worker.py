"""One pod on its node, from the first status to its deletion."""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from cluster.client import ApiError, Conflict, NotFound, Obj
from cluster.kubelet import podspec
from cluster.kubelet.allocation import Resize, Resources, allocated, asked, told
from cluster.kubelet.build import Sandbox
from cluster.kubelet.environment import service_variables
from cluster.kubelet.fields import Place
from cluster.kubelet.life import ContainerLife
from cluster.kubelet.machine import Machine
from cluster.kubelet.node import allocatable
from cluster.kubelet.payloads import Reader
from cluster.kubelet.podspec import Kind
from cluster.kubelet.processes import SharedProcesses
from cluster.kubelet.resources import pod_limits
from cluster.kubelet.setup import mounted, sandbox, write_etc
from cluster.kubelet.sources import Lookup, lookup_in
from cluster.kubelet.states import Run, Terminated
from cluster.kubelet.status import Failure, PodView, changes, render
from cluster.kubelet.tokens import PodTokens
from cluster.kubelet.volumes import PodVolumes, remove_folders
from cluster.kubelet.waits import first_of
from cluster.runtime.spec import Image
from cluster.timestamps import format_micro_time, parse_time

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """That a pod must end, and how: by deletion, or by the kubelet itself with a `failure`."""

    grace_seconds: float
    failure: Failure | None = None


class PodWorker:
    """The task of one pod. `update` and `gone` tell it of the API, `end` makes the kubelet end it."""

    def __init__(self, machine: Machine, pod: Obj) -> None:
        self.machine = machine
        self.wanted = pod
        """The pod as the API has it; `pod` is the same with what its node has granted it."""
        self.pod = pod
        self.granted = asked(pod)
        self.resize = Resize()
        self.origin = asyncio.get_running_loop().time()
        self.start_time = machine.clock()
        self.memory = machine.run_dir / "pods" / pod["metadata"]["uid"]
        self.disk = machine.config.state_dir / "pods" / pod["metadata"]["uid"]
        self.lookup: Lookup = lookup_in(machine.client, pod["metadata"]["namespace"])
        waiting = "PodInitializing" if podspec.init_containers(pod) else "ContainerCreating"
        self.init = [
            ContainerLife(machine, self, c, podspec.kind_of_init(c), "PodInitializing")
            for c in podspec.init_containers(pod)
        ]
        self.main = [ContainerLife(machine, self, c, Kind.MAIN, waiting) for c in podspec.containers(pod)]
        self.ephemeral: list[ContainerLife] = []
        self.volumes = PodVolumes(
            memory=self.memory,
            disk=self.disk,
            client=machine.client,
            config=machine.config,
            node=machine.node.name,
            memory_bytes=pod_limits(pod).memory_bytes or machine.node.memory_bytes,
        )
        self.finished = False
        if self._rebooted:
            self.start_time = parse_time(pod["status"]["startTime"])
        self._sandbox: Sandbox | None = None
        self._processes = SharedProcesses(machine.runtime)
        self._tokens = PodTokens(client=machine.client, pod=pod, clock=machine.clock)
        self._end: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self._deleted = asyncio.Event()
        self._hurry = asyncio.Event()
        self.absent = False
        self._silent = False
        self._starting = False
        """Whether its containers are being started one after the other: what came of that is told when all are."""
        self._failure: Failure | None = None
        self._living: list[asyncio.Task[None]] = []
        """The task that starts the containers, once there is one."""
        self._tasks: list[asyncio.Task[None]] = []
        self.update(pod)

    # --- what others tell ---

    def update(self, pod: Obj) -> None:
        """A newer object of the same pod."""
        old, self.wanted, self.pod = self.pod, pod, allocated(pod, self.granted)
        if "deletionTimestamp" in pod["metadata"]:
            self._deleted.set()
            self.end(End(grace_seconds=float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)))
        for life, spec in zip((*self.init, *self.main), podspec.all_containers(self.pod), strict=True):
            self._take_image(life, spec)
        # By name: in the spec a new one may come before those that are there.
        known = {life.spec["name"] for life in self.ephemeral}
        for spec in (each for each in podspec.ephemeral_containers(pod) if each["name"] not in known):
            self.ephemeral.append(ContainerLife(self.machine, self, spec, Kind.EPHEMERAL, "ContainerCreating"))
            self._begin_ephemeral(self.ephemeral[-1:])
        if _told(old) != _told(pod):
            self.refresh()
        if _gates(old) != _gates(pod):
            self.publish()

    def grant(self, resources: Resources) -> None:
        """From now on its containers have these, however they get them."""
        self.granted, self.pod = resources, allocated(self.wanted, resources)
        for life, spec in zip((*self.init, *self.main), podspec.all_containers(self.pod), strict=True):
            life.spec = {**life.spec, "resources": spec.get("resources") or {}}

    def gone(self) -> None:
        """The object has been deleted under us: end without telling anybody, soon; at once if it was ending already."""
        self.absent = True
        self._deleted.set()
        if self.ending:
            self._hurry.set()
        self.end(End(grace_seconds=0.0))

    def end(self, end: End) -> None:
        """Make the pod end; the first reason counts."""
        if not self._end.done():
            self._end.set_result(end)

    def refresh(self) -> None:
        """Bring volumes made from API objects up to date."""
        if self._sandbox is None or self.finished:
            return
        try:
            for missing in self.volumes.refresh(self._reader()):
                self.machine.tell(self.pod, "Warning", "FailedMount", str(missing))
        except (ApiError, OSError) as error:
            log.warning("volumes of pod %s stay as they are: %s", self.pod["metadata"]["name"], error)

    def renew_tokens(self) -> None:
        """Replace service account tokens that are about to expire."""
        renewal = self._tokens.next_renewal()
        if renewal is not None and self.machine.clock() >= renewal:
            self.refresh()

    @property
    def lives(self) -> tuple[ContainerLife, ...]:
        """Of all its containers."""
        return (*self.init, *self.main, *self.ephemeral)

    def life(self, container: str) -> ContainerLife | None:
        return next((life for life in self.lives if life.spec["name"] == container), None)

    def running(self) -> dict[str, Run]:
        """The present runs of the containers that run, by name."""
        return {life.spec["name"]: run for life in self.lives if (run := life.running) is not None}

    def running_ids(self) -> dict[str, str]:
        """The ids of the containers that run, by name."""
        return {name: run.container_id for name, run in self.running().items()}

    @property
    def generation(self) -> int:
        return int(self.pod["metadata"].get("generation", 1))

    @property
    def over(self) -> bool:
        """Whether it takes nothing of its node any more."""
        return self.finished or self.absent

    @property
    def ending(self) -> bool:
        """Whether it has been told to end."""
        return self._end.done()

    # --- what containers need (Home) ---

    @property
    def netns(self) -> Path | None:
        """Its network namespace, while it has one."""
        return None if self._sandbox is None or self.finished else self._sandbox.netns

    @property
    def sandbox(self) -> Sandbox:
        assert self._sandbox is not None, "containers start after their sandbox"  # noqa: S101 - an invariant
        return self._sandbox

    @property
    def _address(self) -> str:
        """A node's own is known before there is a sandbox."""
        if podspec.on_host_network(self.pod):
            return self.machine.node.address
        return self._sandbox.address if self._sandbox else ""

    @property
    def place(self) -> Place:
        return Place(
            node_name=self.machine.node.name,
            host_ip=self.machine.node.address,
            pod_ip=self._address,
            allocatable=self._allocatable,
            seen=format_micro_time(self.start_time),
        )

    @cached_property
    def _allocatable(self) -> dict[str, str]:
        return allocatable(self.machine.node)

    def base_environment(self, image: Image) -> dict[str, str]:
        """What every container knows: its image's variables, its name, and the Services."""
        namespace = self.pod["metadata"]["namespace"]
        links = self.pod["spec"].get("enableServiceLinks") is not False
        wanted = {namespace, "default"} if links else {"default"}
        services = [s for each in sorted(wanted) for s in self.machine.client.list("services", each)]
        known = {"HOSTNAME": podspec.hostname(self.pod)}
        return dict(image.env) | known | service_variables(services, namespace, links=links)

    async def shared_processes(self) -> str:
        if not self.pod["spec"].get("shareProcessNamespace"):
            return ""
        return await self._processes.holder(self.pod, self.sandbox)

    def publish(self) -> None:
        """Write the pod's status if it changed. Nobody is told once the object is gone or the node is dead."""
        if self._silent or self.absent or (self._starting and not self.ending):
            return
        self._conclude_resize()
        meta = self.pod["metadata"]
        try:
            current = self.machine.client.get("pods", meta["name"], meta["namespace"])
            if current["metadata"]["uid"] == meta["uid"]:
                self._write(current)
        except (NotFound, Conflict):
            return

    def _write(self, current: Obj) -> None:
        meta = current["metadata"]
        patch = changes(current.get("status") or {}, self._render(current))
        if patch:
            self.machine.client.patch("pods", meta["name"], meta["namespace"], {"status": patch}, subresource="status")

    def _render(self, current: Obj) -> Obj:
        return render(allocated(current, self.granted), self._view(), self.machine.clock())

    def _conclude_resize(self) -> None:
        """A resize is over once every running container has what was granted; others begin with it."""
        progress = self.resize.in_progress
        if progress is None or any(life.running and life.resources != life.granted for life in self.lives):
            return
        self.resize.in_progress = None
        if self.netns is not None:
            # What the kernel refuses here is no loss: a pod is limited only where each of its containers is.
            with suppress(OSError):
                self.machine.runtime.create_pod_cgroup(self.sandbox.cgroup, pod_limits(self.pod))
        self.machine.tell(
            self.pod, "Normal", "ResizeCompleted", told("completed", self.pod, progress["observedGeneration"])
        )

    def _view(self) -> PodView:
        return PodView(
            init=tuple(life.status for life in self.init),
            main=tuple(life.status for life in self.main),
            ephemeral=tuple(life.status for life in self.ephemeral),
            start_time=self.start_time,
            host_ip=self.machine.node.address,
            pod_ip=self._address,
            sandbox=self._sandbox is not None and not self.finished,
            finished=self.finished,
            failure=self._failure,
            resources={life.spec["name"]: life.resources for life in self.lives if life.running},
            resize=() if self.finished else self.resize.conditions,
        )

    @property
    def _rebooted(self) -> bool:
        """Whether an earlier life of its node ran the pod."""
        return any(life.recalled for life in (*self.init, *self.main))

    # --- the task ---

    async def run(self) -> None:
        """Live, end, and wait to be deleted."""
        if self._rebooted and not self.ending:
            text = "Pod sandbox changed, it will be killed and re-created."
            self.machine.tell(self.pod, "Normal", "SandboxChanged", text)
        living = asyncio.ensure_future(self._live())
        self._living.append(living)
        deadline = self.pod["spec"].get("activeDeadlineSeconds")
        await first_of(living, self._end, timeout=deadline)
        if not living.done() and not self._end.done():
            self.end(self._deadline())
        await self._conclude(living)
        await self._deleted.wait()
        self._delete()
        await asyncio.to_thread(remove_folders, self.memory, self.disk)

    def fall_silent(self) -> None:
        """The node is cut off: nothing is begun any more, and nobody is told of anything."""
        self._silent = True
        for each in (*self._living, *self._tasks):
            each.cancel()

    async def die(self, task: asyncio.Task[None]) -> None:
        """The node dies with everything on it, and tells nobody."""
        self.fall_silent()
        task.cancel()
        await asyncio.gather(task, *self._living, *self._tasks, return_exceptions=True)
        await asyncio.gather(*(self._lose(life) for life in self.lives), return_exceptions=True)
        await self._take_down()
        await asyncio.to_thread(remove_folders, self.memory, self.disk)

    async def _lose(self, life: ContainerLife) -> None:
        if life.running_id is not None:
            await self.machine.runtime.remove(life.running_id)

    def _deadline(self) -> End:
        text = "Pod was active on the node longer than the specified deadline"
        self.machine.tell(self.pod, "Normal", "DeadlineExceeded", text)
        failure = Failure(reason="DeadlineExceeded", message=text)
        return End(grace_seconds=podspec.grace_seconds(self.pod), failure=failure)

    async def _live(self) -> None:
        self.publish()
        if all(life.over for life in self.main):
            return
        await mounted(self.machine, self.volumes, self._reader)
        self._sandbox = await sandbox(self.machine, lambda: self.pod, memory=self.memory, disk=self.disk)
        write_etc(self.memory, self.pod, self.sandbox.address)
        self.publish()
        self._begin_ephemeral(self.ephemeral)
        for life in self.init:
            if not await self._initialise(life):
                return
        await self._start_main()
        await asyncio.gather(*self._tasks_of(self.main))

    async def _start_main(self) -> None:
        self._starting = True
        for life in self.main:
            self._begin(life)
            await life.attempted.wait()
        self._starting = False
        self.publish()

    def _begin(self, life: ContainerLife) -> "asyncio.Task[None]":
        task = asyncio.ensure_future(life.run())
        task.set_name(life.spec["name"])
        task.add_done_callback(lambda _: life.attempted.set())
        self._tasks.append(task)
        return task

    def _begin_ephemeral(self, lives: Iterable[ContainerLife]) -> None:
        """As soon as there is a sandbox for them."""
        if self._sandbox is not None and not (self.ending or self._silent):
            for life in lives:
                self._begin(life)

    def _tasks_of(self, lives: Iterable[ContainerLife]) -> "list[asyncio.Task[None]]":
        names = {life.spec["name"] for life in lives}
        return [task for task in self._tasks if task.get_name() in names]

    async def _initialise(self, life: ContainerLife) -> bool:
        """Run an init container to its end, or start a sidecar; False when the pod cannot go on."""
        task = self._begin(life)
        if life.kind is Kind.SIDECAR:
            started = asyncio.ensure_future(life.started.wait())
            await first_of(task, started)
            started.cancel()
            return not task.done()
        await task
        state = life.status.state
        return isinstance(state, Terminated) and state.exit_code == 0

    # --- the end ---

    async def _conclude(self, living: "asyncio.Future[None]") -> None:
        end = self._end.result() if self._end.done() else End(grace_seconds=podspec.grace_seconds(self.pod))
        living.cancel()
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(living, *self._tasks, return_exceptions=True)
        self._failure = end.failure or _bug(results)
        for life in (*self.init, *self.main):
            life.forget()
        self.publish()
        await self._stop_all(end.grace_seconds)
        if not self._deleted.is_set() and any(life.kind is Kind.SIDECAR for life in self.init):
            # Sidecars that ended after the others are told of before the pod is.
            self.publish()
        await self._take_down()
        initialized = self._initialized()
        for life in (*self.init, *self.main):
            # What it never came to still waits for its turn, and is not missed.
            if life.attempts or (initialized and life in self.main):
                life.lose()
        self.finished = True
        self.publish()

    def _initialized(self) -> bool:
        """Whether the pod ever got past its init containers (the kubelet's `hasPodInitialized`)."""
        if not self.init or any(life.attempts for life in self.main):
            return True
        last = self.init[-1].status.state
        return isinstance(last, Terminated) and last.exit_code == 0

    async def _stop_all(self, grace_seconds: float) -> None:
        """Main containers first, together; then sidecars, last started first (KEP-753)."""
        began = asyncio.get_running_loop().time()
        sidecars = [life for life in self.init if life.kind is Kind.SIDECAR]
        others = [life for life in self.lives if life.kind is not Kind.SIDECAR]
        await asyncio.gather(*(self._stop(life, grace_seconds) for life in others))
        for life in reversed(sidecars):
            left = grace_seconds - (asyncio.get_running_loop().time() - began)
            await self._stop(life, max(0.0, left))

    async def _stop(self, life: ContainerLife, grace_seconds: float) -> None:
        await life.stop(grace_seconds, f"Stopping container {life.spec['name']}", self._hurry)
        await life.settle()

    async def _take_down(self) -> None:
        uid, machine = self.pod["metadata"]["uid"], self.machine
        await self._processes.end()
        if self._sandbox is not None:
            await machine.network.detach(machine.node.name, uid)
            machine.runtime.remove_pod_cgroup(self._sandbox.cgroup)
        self.volumes.tear_down()

    def _delete(self) -> None:
        if self.absent:
            return
        meta = self.pod["metadata"]
        with suppress(NotFound, Conflict):
            self.machine.client.delete("pods", meta["name"], meta["namespace"], uid=meta["uid"], grace_seconds=0)

    # --- small things ---

    def _reader(self) -> Reader:
        return Reader(pod=self.pod, place=self.place, lookup=self.lookup, token_for=self._tokens.token)

    def _take_image(self, life: ContainerLife, spec: Obj) -> None:
        """The image is what may change in a running pod; its container is restarted with the new one."""
        if spec["image"] == life.spec["image"]:
            return
        life.spec = spec
        life.status = replace(life.status, image=spec["image"])
        life.condemn(f"Container {spec['name']} definition changed, will be restarted")


def _told(pod: Obj) -> tuple[Obj, Obj]:
    """What the downward API shows of a pod and may change."""
    return pod["metadata"].get("labels") or {}, pod["metadata"].get("annotations") or {}


def _gates(pod: Obj) -> list[str]:
    """The readiness gates that are open: others write them, and readiness hangs on them."""
    gates = {gate["conditionType"] for gate in pod["spec"].get("readinessGates") or ()}
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return sorted(f"{c['type']} {c['status']}" for c in conditions if c["type"] in gates)


def _bug(results: "list[BaseException | None]") -> Failure | None:
    """An error that nobody expected ends this pod, visibly, and none but this pod."""
    for error in results:
        if isinstance(error, Exception) and not isinstance(error, asyncio.CancelledError):
            log.error("a pod's worker failed", exc_info=error)
            return Failure(reason="KubeletError", message=f"the kubelet failed: {type(error).__name__}: {error}")
    return None
