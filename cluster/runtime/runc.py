"""The runtime: `cluster.runtime.spec.Runtime` by runc."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from secrets import token_hex

from cluster.config import IMAGES, ClusterConfig
from cluster.runtime import cgroups, execution, images, loaded, skeleton
from cluster.runtime.attachment import Attachment, Input
from cluster.runtime.bundle import config as bundle_config
from cluster.runtime.bundle import this_machine
from cluster.runtime.commands import Stdio, runc
from cluster.runtime.ends import Ends
from cluster.runtime.first import First
from cluster.runtime.logs import LogPump
from cluster.runtime.processes import Process
from cluster.runtime.rootfs import Place, discard, prepare, written
from cluster.runtime.spec import ContainerSpec, ExecResult, Exit, Image, Limits, Mount, Running, StartFailed, Usage

# What containerd's shim and runc's create step put in front of runc's own message; the kubelet shows it as it comes.
CREATE_FAILED = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
)
EXEC_FAILED = "OCI runtime exec failed: "


def _exec_failed(why: str) -> str:
    """As containerd says it, which gives each command an id of its own."""
    return f'failed to exec in container: failed to start exec "{token_hex(32)}": {EXEC_FAILED}{why}: unknown'


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Container:
    node: str
    cgroup: str
    place: Place
    process: Process
    logs: LogPump
    exit: asyncio.Task[Exit]
    stdin: Input | None


class Runc:
    """Containers of one cluster. It needs a running loop."""

    def __init__(
        self,
        config: ClusterConfig,
        nodes: Mapping[str, First],
        run_dir: Path = Path("/run/seawall"),
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """`nodes` are the first processes of all nodes by name.

        `run_dir` should be in memory: bundles, skeletons and runc's own state live there. Raises OSError.
        """
        self._nodes = nodes
        self._ends = {name: Ends(first) for name, first in nodes.items()}
        self._layers = config.state_dir / "layers"
        self._loaded = config.state_dir / IMAGES
        self._run_dir = run_dir
        self._now = now
        self._hierarchies = cgroups.discover()
        self._machine = this_machine(self._hierarchies)
        self._recipes = images.available()
        self._skeletons: dict[str, Path] = {}
        self._containers: dict[str, _Container] = {}
        self._numbers = count(1)
        # More at a time than processors would only make each of them slower.
        self._slots = asyncio.Semaphore(os.cpu_count() or 1)
        self._local_bin = skeleton.local_bin(run_dir / "images" / "local-bin")

    def image(self, name: str) -> Image:
        return loaded.find(self._loaded, name) or images.image(name, images.find(name, self._recipes))

    async def start(self, spec: ContainerSpec) -> Running:
        starting = asyncio.create_task(self._start(spec))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # runc cannot be stopped half-way without a trace; let it finish, then take it back.
            await asyncio.wait([starting])
            await self.remove(spec.id)
            raise

    async def _start(self, spec: ContainerSpec) -> Running:
        place = Place(self._run_dir / "containers" / spec.id, self._layers / spec.id)
        try:
            logs = LogPump(spec.log_path)
        except OSError as error:
            raise StartFailed(f"cannot open the log file: {error}") from error
        try:
            async with self._slots:
                await asyncio.to_thread(self._prepare, spec, place)
                process, stdin = await (self._run_on_terminal if spec.tty else self._run)(spec, place, logs)
        except (OSError, StartFailed) as error:
            logs.close()
            # What runc printed is told as the reason; the container itself has said nothing.
            spec.log_path.write_bytes(b"")
            await asyncio.to_thread(self._discard, place, f"{spec.cgroup}/{spec.id}")
            raise StartFailed(f"{CREATE_FAILED}{error}: unknown") from error
        return self._record(spec, place, process, logs, stdin)

    def _prepare(self, spec: ContainerSpec, place: Place) -> None:
        root, mounts = self._root_of(spec.image)
        prepare(place, root)
        if spec.node_ipc:
            spec = replace(spec, mounts=(self._shared_memory(spec.node), *spec.mounts))
        config = bundle_config(spec, mounts, self._machine, self._pids_of(spec))
        (place.bundle / "config.json").write_text(json.dumps(config))

    def _shared_memory(self, node: str) -> Mount:
        """What programs of a node open by name to share it."""
        folder = self._run_dir / "shm" / node
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o1777)
        return Mount(destination="/dev/shm", source=folder)  # noqa: S108  # the container's

    def _pids_of(self, spec: ContainerSpec) -> Path | None:
        if not spec.pids_of:
            return None
        return Path(f"/proc/{self._container(spec.pids_of).process.pid}/ns/pid")

    def _root_of(self, image: str) -> tuple[Path, tuple[Mount, ...]]:
        if found := loaded.find(self._loaded, image):
            return loaded.root(self._loaded, found.id), ()
        recipe = images.find(image, self._recipes)
        return self._skeleton(recipe), images.mounts(recipe, self._local_bin)

    def _skeleton(self, recipe: images.Recipe) -> Path:
        """Made when first needed, renamed into place when whole: two threads may both make it, and one is kept."""
        root = self._run_dir / "images" / recipe.name.replace("/", "_")
        if not root.exists():
            draft = root.with_name(f"{root.name}.{next(self._numbers)}")
            skeleton.build(draft, recipe)
            with suppress(OSError):
                draft.rename(root)
        return root

    async def _run(self, spec: ContainerSpec, place: Place, logs: LogPump) -> tuple[Process, Input | None]:
        inner, outer = os.pipe() if spec.stdin else (os.open(os.devnull, os.O_RDONLY), -1)
        stdin = Input(await execution.open_writer(outer), once=spec.stdin_once) if spec.stdin else None
        stdio = Stdio(inner, logs.add("stdout"), logs.add("stderr"))
        try:
            return await self._run_with(spec, place, [], stdio), stdin
        except BaseException:
            if stdin:
                stdin.close()
            raise
        finally:
            for fd in (stdio.stdin, stdio.stdout, stdio.stderr):
                os.close(fd)

    async def _run_on_terminal(self, spec: ContainerSpec, place: Place, logs: LogPump) -> tuple[Process, Input]:
        async def launch(options: list[str], stdio: Stdio) -> Process:
            return await self._run_with(spec, place, options, stdio)

        process, master = await execution.on_terminal(launch, self._run_dir / f"{next(self._numbers)}.console")
        logs.adopt(os.dup(master), "stdout")
        return process, Input(await execution.open_writer(master), master, spec.stdin, spec.stdin_once)

    async def _run_with(self, spec: ContainerSpec, place: Place, options: list[str], stdio: Stdio) -> Process:
        pid_file = place.bundle / "pid"
        where = ["--pid-file", str(pid_file), "--bundle", str(place.bundle), *options, spec.id]
        await self._runc(spec.node, place.bundle / "run.log", ["run", "--detach", *where], stdio)
        return self._process(spec.node, pid_file, f"{spec.cgroup}/{spec.id}")

    async def _runc(self, node: str, log: Path, arguments: list[str], stdio: Stdio) -> None:
        await runc(self._nodes[node], self._run_dir / "runc", log, arguments, stdio)

    def _process(self, node: str, pid_file: Path, cgroup: str) -> Process:
        return self._ends[node].process(int(pid_file.read_text()), cgroups.members(self._hierarchies, cgroup))

    def _record(
        self, spec: ContainerSpec, place: Place, process: Process, logs: LogPump, stdin: Input | None
    ) -> Running:
        cgroup = f"{spec.cgroup}/{spec.id}"
        exit = asyncio.create_task(self._await_exit(process, cgroup, logs))
        self._containers[spec.id] = _Container(spec.node, cgroup, place, process, logs, exit, stdin)
        return Running(id=spec.id, started_at=self._now())

    async def _await_exit(self, process: Process, cgroup: str, logs: LogPump) -> Exit:
        """As containerd has it: OOM-killed is what ends badly after an OOM kill in its cgroup, whoever was hit."""
        code = execution.shell_code(await process.ended())
        finished_at = self._now()
        logs.drain()
        oom_killed = code != 0 and cgroups.oom_kills(self._hierarchies, cgroup) > 0
        return Exit(code=code, oom_killed=oom_killed, finished_at=finished_at)

    async def wait(self, container_id: str) -> Exit:
        return await asyncio.shield(self._containers[container_id].exit)

    def signal(self, container_id: str, signum: int) -> None:
        if container := self._containers.get(container_id):
            container.process.signal(signum)
            if signum == signal.SIGKILL:
                # What is frozen dies only when it thaws.
                self.freeze(container_id, frozen=False)

    def freeze(self, container_id: str, *, frozen: bool) -> None:
        """Stop or continue all of its processes from outside; nothing happens if it has gone."""
        if container := self._containers.get(container_id):
            with suppress(FileNotFoundError):
                cgroups.freeze(self._hierarchies, container.cgroup, frozen)

    async def exec(self, container_id: str, argv: tuple[str, ...], timeout_seconds: float) -> ExecResult:
        return await execution.collect(self._launcher(container_id, argv), timeout_seconds)

    async def open_exec(self, container_id: str, argv: tuple[str, ...], *, tty: bool) -> execution.Stream:
        launch = self._launcher(container_id, argv)
        if tty:
            return await execution.open_terminal(_with_tty(launch), self._run_dir / f"{next(self._numbers)}.console")
        return await execution.open_pipes(launch)

    async def attach(self, container_id: str) -> Attachment:
        container = self._container(container_id)
        # Told of nothing more, whoever attaches now would take silence for all it had to say: the log has it.
        if container.process.has_ended():
            raise StartFailed(f"container {container_id} has ended")
        return Attachment(container.logs, container.exit, container.stdin)

    def _container(self, container_id: str) -> _Container:
        container = self._containers.get(container_id)
        if container is None:
            raise StartFailed(_exec_failed(f"exec failed: container {container_id} does not exist"))
        return container

    def _launcher(self, container_id: str, argv: tuple[str, ...]) -> execution.Launch:
        container = self._container(container_id)

        async def launch(options: list[str], stdio: Stdio) -> Process:
            return await self._exec(container, [*options, container_id, *argv], stdio)

        return launch

    async def _exec(self, container: _Container, arguments: list[str], stdio: Stdio) -> Process:
        mark = container.place.bundle / f"exec-{next(self._numbers)}"
        pid_file, log = mark.with_suffix(".pid"), mark.with_suffix(".log")
        try:
            await self._runc(container.node, log, ["exec", "--detach", "--pid-file", str(pid_file), *arguments], stdio)
            return self._process(container.node, pid_file, container.cgroup)
        except (OSError, StartFailed) as error:
            raise StartFailed(_exec_failed(str(error))) from error
        finally:
            for file in (pid_file, log):
                file.unlink(missing_ok=True)

    async def remove(self, container_id: str) -> None:
        container = self._containers.get(container_id)
        if container is None:
            return
        self.signal(container_id, signal.SIGKILL)
        await self.wait(container_id)
        if self._containers.pop(container_id, None):
            # Where it shared the processes of others, its end did not end all of its own.
            cgroups.kill(self._hierarchies, container.cgroup)
            container.logs.close()
            if container.stdin:
                container.stdin.close()
            await asyncio.to_thread(self._discard, container.place, container.cgroup)

    def _discard(self, place: Place, cgroup: str) -> None:
        """`runc delete` would do this in 6 ms; its process ended, its files in our hands, so do we."""
        discard(place)
        with suppress(OSError):
            cgroups.remove(self._hierarchies, cgroup)
        for file in (self._run_dir / "runc" / place.bundle.name).glob("*"):
            file.unlink(missing_ok=True)
        with suppress(OSError):
            (self._run_dir / "runc" / place.bundle.name).rmdir()

    def usage(self, container_id: str) -> Usage:
        return self.group_usage(self._containers[container_id].cgroup)

    def limit(self, container_id: str, limits: Limits) -> None:
        cgroups.limit(self._hierarchies, self._containers[container_id].cgroup, limits)

    def layer(self, container_id: str) -> Path:
        return written(self._containers[container_id].place)

    def group_usage(self, path: str) -> Usage:
        return cgroups.usage(self._hierarchies, path)

    def create_pod_cgroup(self, path: str, limits: Limits) -> None:
        cgroups.create(self._hierarchies, path, limits)

    def remove_pod_cgroup(self, path: str) -> None:
        cgroups.remove(self._hierarchies, path)


def _with_tty(launch: execution.Launch) -> execution.Launch:
    """runc takes it from the bundle when it starts a container, and from an option when it starts a command."""

    async def launch_on_tty(options: list[str], stdio: Stdio) -> Process:
        return await launch(["--tty", *options], stdio)

    return launch_on_tty
