"""What the API server asks of a node: what logs, exec, port-forward, metrics.k8s.io and nodes/proxy need of its
kubelet.

The kubelet implements it; the API server finds it by node name. A node that is down is not in the table.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from cluster.client import Obj


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """The query of pods/log; None means "not asked"."""

    container: str = ""
    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None
    since_seconds: int | None = None
    since: float | None = None
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a container or a node had used at a moment."""

    at: float
    """Seconds since 1970."""
    started_at: float
    """Since when processor time has been counted."""
    cpu_usec: int
    memory_bytes: int
    """The working set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeUsage:
    """All of a node, and its running containers by pod (namespace, name) and container name."""

    node: Measured
    pods: Mapping[tuple[str, str], Mapping[str, Measured]]


class ExecFailed(Exception):
    """The command could not be started; the message is the runtime's, as the kubelet passes it on."""


class ExecSession(Protocol):
    """A command running in a container, its streams open."""

    async def write_stdin(self, data: bytes) -> None:
        """Feed standard input; empty bytes close it."""
        ...

    def output(self) -> AsyncIterator[tuple[int, bytes]]:
        """(1, data) from standard output, (2, data) from standard error, until both are closed."""
        ...

    async def resize(self, columns: int, rows: int) -> None: ...

    async def exit_code(self) -> int: ...

    async def kill(self) -> None: ...


class Meter(Protocol):
    """A node that tells what is used of it."""

    def usage(self) -> NodeUsage: ...


class NodeService(Meter, Protocol):
    """Raises `ApiError` (NotFound, BadRequest) with the kubelet's own wording."""

    def ask(self, path: str) -> Obj:
        """What the kubelet's own HTTP API answers at a path."""
        ...

    def logs(self, namespace: str, pod: str, options: LogOptions) -> AsyncIterator[bytes]: ...

    async def exec(
        self, namespace: str, pod: str, container: str, command: list[str], *, stdin: bool, tty: bool
    ) -> ExecSession:
        """Raises `ExecFailed` too."""
        ...

    async def attach(self, namespace: str, pod: str, container: str) -> ExecSession:
        """The streams of a container itself; killing the session only lets go of it."""
        ...

    async def dial(self, namespace: str, pod: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a port as a process of the pod itself would: on its loopback, whatever policies say."""
        ...
