"""Plain stand-ins for the kubelet's seams, and a loop in which waiting costs no time."""

# ruff: noqa: ARG002 - the signatures are those of the seams, whether a fake needs all of it or not

import asyncio
import copy
import itertools
import selectors
import signal
import socket
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cluster.client import AlreadyExists, EventType, NotFound, Obj, WatchEvent
from cluster.config import ClusterConfig, NodeConfig
from cluster.kubelet.machine import Machine
from cluster.kubelet.probes.checks import Checker
from cluster.kubelet.probes.http import HttpClient
from cluster.network.spec import PodLink
from cluster.runtime.spec import (
    SANDBOX_IMAGE,
    ContainerSpec,
    ExecResult,
    Exit,
    Image,
    ImageMissing,
    Limits,
    Running,
    StartFailed,
    Usage,
)

EPOCH = 1_800_000_000.0
NODE = NodeConfig(name="node1", index=1, zone="zone-a")


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: moves the clock to the next timer instead."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout:
            self.jumped += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """Its time passes only by waiting, and then at once."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.jumped

    # Done at once: a thread would finish after the clock has jumped over it.
    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        done = self.create_future()
        done.set_result(func(*args))
        return done


def simulate(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a scenario to its end without waiting."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(asyncio.wait_for(scenario, 100_000))


def now() -> float:
    return EPOCH + asyncio.get_running_loop().time()


@dataclass
class FakeClient:
    """Objects in memory; just enough of the API for a kubelet."""

    objects: dict[tuple[str, str, str], Obj] = field(default_factory=dict)
    history: list[Obj] = field(default_factory=list)
    """Every version of every pod, in order."""
    watchers: list[tuple[str, asyncio.Queue[WatchEvent]]] = field(default_factory=list)
    _uids: Any = field(default_factory=itertools.count)

    def get(self, resource: str, name: str, namespace: str = "", *, subresource: str = "") -> Obj:
        try:
            return self.objects[resource, namespace, name]
        except KeyError:
            raise NotFound(f'{resource} "{name}" not found') from None

    def list(self, resource: str, namespace: str | None = None, *, labels: str = "", fields: str = "") -> list[Obj]:
        return [o for (r, n, _), o in self.objects.items() if r == resource and namespace in (None, n)]

    def create(self, resource: str, obj: Obj, namespace: str = "", *, subresource: str = "", name: str = "") -> Obj:
        if subresource == "token":
            stamp = datetime.fromtimestamp(now() + obj["spec"]["expirationSeconds"], UTC).isoformat()
            return {"status": {"token": f"token-{next(self._uids)}", "expirationTimestamp": stamp}}
        key = resource, namespace, obj["metadata"]["name"]
        if key in self.objects:
            raise AlreadyExists(f"{resource} {key[2]} already exists")
        obj = copy.deepcopy(obj)
        obj["metadata"] |= {"namespace": namespace, "uid": f"uid-{next(self._uids)}", "generation": 1}
        return self._store("ADDED", key, obj)

    def update(self, resource: str, obj: Obj, *, subresource: str = "") -> Obj:
        return self._store("MODIFIED", (resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]), obj)

    def patch(self, resource: str, name: str, namespace: str, patch: Obj, *, subresource: str = "") -> Obj:
        return self._store("MODIFIED", (resource, namespace, name), merged(self.get(resource, name, namespace), patch))

    def delete(
        self,
        resource: str,
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        grace_seconds: int | None = None,
        propagation: str = "Background",
    ) -> None:
        obj = copy.deepcopy(self.get(resource, name, namespace))
        grace = obj["spec"].get("terminationGracePeriodSeconds", 30) if grace_seconds is None else grace_seconds
        if resource == "pods" and grace:
            obj["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": grace}
            self._store("MODIFIED", (resource, namespace, name), obj)
            return
        del self.objects[resource, namespace, name]
        self._tell(resource, WatchEvent("DELETED", obj))

    async def watch(
        self, resource: str, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> AsyncIterator[WatchEvent]:
        queue: asyncio.Queue[WatchEvent] = asyncio.Queue()
        for obj in self.list(resource, namespace):
            queue.put_nowait(WatchEvent("ADDED", obj))
        self.watchers.append((resource, queue))
        while True:
            yield await queue.get()

    def _store(self, type: EventType, key: tuple[str, str, str], obj: Obj) -> Obj:
        self.objects[key] = obj
        if key[0] == "pods":
            self.history.append(obj)
        self._tell(key[0], WatchEvent(type, obj))
        return obj

    def _tell(self, resource: str, event: WatchEvent) -> None:
        for wanted, queue in self.watchers:
            if wanted == resource:
                queue.put_nowait(event)


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@dataclass(frozen=True)
class Script:
    """How one run of a container goes: ends by itself after `seconds`, or `stops_after` SIGTERM; None is never."""

    seconds: float | None = None
    code: int = 0
    oom: bool = False
    stops_after: float | None = 0.1
    fails_to_start: str = ""


@dataclass
class FakeRuntime:
    """Containers that follow scripts, by container name; the last script of a name is repeated."""

    scripts: dict[str, list[Script]] = field(default_factory=dict)
    images: set[str] = field(default_factory=lambda: {"demo/app:1", SANDBOX_IMAGE})
    execs: dict[tuple[str, ...], ExecResult] = field(default_factory=dict)
    specs: list[ContainerSpec] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    cgroups: dict[str, Limits] = field(default_factory=dict)
    limits: dict[str, Limits] = field(default_factory=dict)
    """What containers were limited to while they ran, by name."""
    memory_bytes: int = 0
    """What every container and every group of them is using."""
    log: list[tuple[float, str]] = field(default_factory=list)
    _exits: dict[str, "asyncio.Future[Exit]"] = field(default_factory=dict)
    _scripts: dict[str, Script] = field(default_factory=dict)

    def image(self, name: str) -> Image:
        if name not in self.images:
            raise ImageMissing(f"no such image here: {name}")
        return Image(name=name, id="sha256:1", command=("serve",), env=(("PATH", "/bin"),))

    async def start(self, spec: ContainerSpec) -> Running:
        await asyncio.sleep(0.03)
        scripts = self.scripts.get(spec.name, [Script()])
        script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        self.specs.append(spec)
        if script.fails_to_start:
            raise StartFailed(script.fails_to_start)
        self._note(f"start {spec.name}")
        self._exits[spec.id] = asyncio.get_running_loop().create_future()
        self._scripts[spec.id] = script
        if script.seconds is not None:
            asyncio.get_running_loop().call_later(script.seconds, self._end, spec.id, script.code, script.oom)
        return Running(id=spec.id, started_at=datetime.fromtimestamp(now(), UTC))

    async def wait(self, container_id: str) -> Exit:
        return await asyncio.shield(self._exits[container_id])

    def signal(self, container_id: str, signum: int) -> None:
        self._note(f"{signal.Signals(signum).name} {self._name(container_id)}")
        script = self._scripts[container_id]
        if signum == signal.SIGKILL:
            self._end(container_id, 137, False)
        elif script.stops_after is not None:
            asyncio.get_running_loop().call_later(script.stops_after, self._end, container_id, script.code, False)

    async def exec(self, container_id: str, argv: tuple[str, ...], timeout_seconds: float) -> ExecResult:
        self._note(f"exec {' '.join(argv)}")
        return self.execs.get(argv, ExecResult(code=0, output=b""))

    async def open_exec(self, container_id: str, argv: tuple[str, ...], *, tty: bool) -> Any:
        raise NotImplementedError

    async def attach(self, container_id: str) -> Any:
        raise NotImplementedError

    async def remove(self, container_id: str) -> None:
        self._end(container_id, 137, False)
        self.removed.append(container_id)

    def limit(self, container_id: str, limits: Limits) -> None:
        self.limits[self._name(container_id)] = limits

    def usage(self, container_id: str) -> Usage:
        return Usage(memory_bytes=self.memory_bytes, cpu_usec=0)

    def layer(self, container_id: str) -> Path:
        return Path("/nowhere") / container_id

    def group_usage(self, path: str) -> Usage:
        return Usage(memory_bytes=self.memory_bytes, cpu_usec=0)

    def create_pod_cgroup(self, path: str, limits: Limits) -> None:
        self.cgroups[path] = limits

    def remove_pod_cgroup(self, path: str) -> None:
        self.cgroups.pop(path, None)

    def running(self) -> list[str]:
        return sorted(self._name(id) for id, exit in self._exits.items() if not exit.done())

    def _end(self, container_id: str, code: int, oom: bool) -> None:
        exit = self._exits.get(container_id)
        if exit is not None and not exit.done():
            self._note(f"end {self._name(container_id)}")
            exit.set_result(Exit(code=code, oom_killed=oom, finished_at=datetime.fromtimestamp(now(), UTC)))

    def _name(self, container_id: str) -> str:
        return next(spec.name for spec in self.specs if spec.id == container_id)

    def _note(self, what: str) -> None:
        self.log.append((asyncio.get_running_loop().time(), what))


@dataclass
class FakeNetwork:
    attached: set[str] = field(default_factory=set)

    async def add_node(self, node: NodeConfig) -> None: ...

    async def remove_node(self, name: str) -> None: ...

    async def attach(self, node: str, pod_uid: str) -> PodLink:
        self.attached.add(pod_uid)
        return PodLink(address="198.18.1.2", netns=Path("/none"))

    async def detach(self, node: str, pod_uid: str) -> None:
        self.attached.discard(pod_uid)

    def node_netns(self, node: str) -> Path:
        return Path("/none")

    def pod_socket(self, netns: Path, family: int, kind: int) -> socket.socket:
        return self.socket("", family, kind)

    def socket(self, node: str, family: int, kind: int) -> socket.socket:
        made = socket.socket(family, kind)
        made.setblocking(False)
        return made


@dataclass
class World:
    """A node with fakes around it; must be made inside the loop."""

    folder: Path
    client: FakeClient = field(default_factory=FakeClient)
    runtime: FakeRuntime = field(default_factory=FakeRuntime)
    network: FakeNetwork = field(default_factory=FakeNetwork)
    events: list[tuple[str, str, str]] = field(default_factory=list)
    worker: Any = None
    """The worker of the one pod that a test plays with."""

    def machine(self) -> Machine:
        def new_socket(family: int) -> socket.socket:
            return self.network.socket("node1", family, socket.SOCK_STREAM)

        return Machine(
            node=NODE,
            client=self.client,
            runtime=self.runtime,
            network=self.network,
            config=ClusterConfig(id="test", state_dir=self.folder),
            run_dir=self.folder / "run",
            clock=now,
            tell=self.tell,
            checker=Checker(runtime=self.runtime, http=HttpClient(new_socket), new_socket=new_socket),
            random=lambda: 0.0,
        )

    def tell(self, about: Obj, type: str, reason: str, message: str, field_path: str = "") -> None:
        self.events.append((type, reason, message))

    def reasons(self) -> list[str]:
        return [reason for _, reason, _ in self.events]


def container(name: str = "app", **fields: Any) -> Obj:
    return {"name": name, "image": "demo/app:1", "imagePullPolicy": "IfNotPresent", **fields}


def pod(*containers: Obj, name: str = "web", **spec: Any) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-of-{name}",
            "labels": {"app": name},
            "generation": 1,
        },
        "spec": {
            "nodeName": "node1",
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "containers": list(containers) or [container()],
            **spec,
        },
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    }
