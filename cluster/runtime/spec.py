"""What the kubelet asks of the runtime: one container, as a value, and how it ended."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

SANDBOX_IMAGE = "stand-in.seawall.dev/pause"
"""Its program only waits: PID 1 for those who share their processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A bind mount of a file or folder of the host into the container, or a tmpfs when `source` is None."""

    destination: str
    source: Path | None
    read_only: bool = False
    tmpfs_size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """The effective securityContext of one container, pod and container levels merged."""

    uid: int
    gid: int
    supplemental_gids: tuple[int, ...] = ()
    read_only_root: bool = False
    no_new_privileges: bool = False
    privileged: bool = False
    add_capabilities: tuple[str, ...] = ()
    """As Kubernetes spells them: NET_ADMIN, without CAP_."""
    drop_capabilities: tuple[str, ...] = ()
    """May hold "ALL"."""
    seccomp: Literal["RuntimeDefault", "Unconfined"] = "Unconfined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """cgroup settings; None is unlimited."""

    memory_bytes: int | None = None
    cpu_millis: int | None = None
    cpu_shares: int = 2
    pids: int | None = None
    oom_score_adj: int = 0
    """As Kubernetes computes it; the runtime raises it to what this machine allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """Everything the runtime needs to start one container of a pod."""

    id: str
    """64 hex digits, unique."""
    name: str
    pod_uid: str
    node: str
    image: str
    argv: tuple[str, ...]
    """Complete: the image's entrypoint and command have been applied."""
    env: tuple[tuple[str, str], ...]
    cwd: str
    hostname: str
    netns: Path
    """The pod's network namespace, a file to join."""
    cgroup: str
    """Parent cgroup (the pod's), relative to the hierarchy root; the container gets a child of it."""
    log_path: Path
    """Where standard output and error go, in the CRI log format: `<RFC 3339 nano> stdout|stderr F|P <line>`."""
    mounts: tuple[Mount, ...] = ()
    pids_of: str = ""
    """The id of the running container whose processes it shares; "" for processes of its own."""
    node_pids: bool = False
    """Whether it sees all processes of its node instead (hostPID)."""
    node_ipc: bool = False
    """Whether it shares semaphores, queues and memory with its node (hostIPC)."""
    stdin: bool = False
    """Whether it has a standard input that somebody may attach to; without, it is empty."""
    stdin_once: bool = False
    """Whether that ends when the first who attached goes."""
    tty: bool = False
    """Whether its streams are a terminal."""
    security: Security
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Account:
    """A line of an image's /etc/passwd, with the further groups that its /etc/group gives it."""

    name: str
    uid: int
    gid: int
    gids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A stand-in image or a loaded one."""

    name: str
    id: str
    """sha256:…, stable for the same contents."""
    digest: str = ""
    """By which a registry knows it, after the repository: name@sha256:…; empty where nobody said."""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    cwd: str = "/"
    user: str = ""
    """As in an image's config: empty is root, else a number or a name, optionally with a group."""
    accounts: tuple[Account, ...] = ()
    """Whom the image itself knows; a stand-in says nothing."""
    groups: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    id: str
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a container ended. `oom_killed` is read from its cgroup before that is removed."""

    code: int
    """As a shell gives it: 128 + signal for a signal."""
    oom_killed: bool
    finished_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecResult:
    code: int
    output: bytes
    """Standard output and error together, in order."""
    timed_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    memory_bytes: int
    """Working set: usage less inactive file pages, as the kubelet reports it."""
    cpu_usec: int


class ImageMissing(Exception):
    """No such image here; the message says which exist and how to load one."""


class StartFailed(Exception):
    """The container could not be started; the message is the runtime's, as Kubernetes shows it."""


class Runtime(Protocol):
    """Containers by runc. `kubelet` sees this and nothing else of the runtime."""

    def image(self, name: str) -> Image:
        """Raises `ImageMissing`."""
        ...

    async def start(self, spec: ContainerSpec) -> Running:
        """Create and start. Raises `StartFailed`; then nothing of the container is left."""
        ...

    async def wait(self, container_id: str) -> Exit:
        """Until its first process ends; may be called any number of times, also afterwards until `remove`."""
        ...

    def signal(self, container_id: str, signum: int) -> None:
        """Signal its first process (all of it for SIGKILL); nothing happens if it has ended."""
        ...

    async def exec(self, container_id: str, argv: tuple[str, ...], timeout_seconds: float) -> ExecResult:
        """Run a command inside, with the container's own user, environment, limits and capabilities."""
        ...

    async def open_exec(self, container_id: str, argv: tuple[str, ...], *, tty: bool) -> "ExecStream":
        """Run a command inside with its streams open."""
        ...

    async def attach(self, container_id: str) -> "ExecStream":
        """The container's own streams, from now on. Raises `StartFailed` if it has gone."""
        ...

    async def remove(self, container_id: str) -> None:
        """Kill if needed, then delete its cgroup, mounts and upper layer. The log stays."""
        ...

    def limit(self, container_id: str, limits: Limits) -> None:
        """Let a running container use more or less than before. Raises OSError where the kernel refuses."""
        ...

    def usage(self, container_id: str) -> Usage: ...

    def layer(self, container_id: str) -> Path:
        """The folder of all that a running container has written to its root."""
        ...

    def group_usage(self, path: str) -> Usage:
        """Of everything in a cgroup: a pod's, a node's."""
        ...

    def create_pod_cgroup(self, path: str, limits: Limits) -> None:
        """Make the parent of a pod's containers, with the pod's own limits, or give one that is there new ones."""
        ...

    def remove_pod_cgroup(self, path: str) -> None: ...


class ExecStream(Protocol):
    """Same shape as `cluster.nodeservice.ExecSession`."""

    async def write_stdin(self, data: bytes) -> None: ...

    async def read(self) -> tuple[int, bytes] | None:
        """(1 or 2, data), or None when both are closed."""
        ...

    async def resize(self, columns: int, rows: int) -> None: ...

    async def exit_code(self) -> int: ...

    async def kill(self) -> None: ...
