"""What `kubectl logs` and `kubectl exec` ask of a node, with the kubelet's own refusals."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterable

from cluster.client import ApiError, BadRequest, NotFound, Obj
from cluster.kubelet import logs as cri_logs
from cluster.kubelet import podspec
from cluster.kubelet.life import ContainerLife
from cluster.kubelet.states import Waiting
from cluster.kubelet.worker import PodWorker
from cluster.network.spec import Network
from cluster.nodeservice import ExecFailed, LogOptions
from cluster.runtime.spec import ExecStream, Runtime, StartFailed


class OpenExec:
    """An `ExecSession` on a stream of the runtime."""

    def __init__(self, stream: ExecStream) -> None:
        self._stream = stream

    async def write_stdin(self, data: bytes) -> None:
        await self._stream.write_stdin(data)

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        while (part := await self._stream.read()) is not None:
            yield part

    async def resize(self, columns: int, rows: int) -> None:
        await self._stream.resize(columns, rows)

    async def exit_code(self) -> int:
        return await self._stream.exit_code()

    async def kill(self) -> None:
        await self._stream.kill()


def find(workers: Iterable[PodWorker], namespace: str, pod: str) -> PodWorker:
    """Raises `NotFound` for a pod that is not on this node."""
    for worker in workers:
        meta = worker.pod["metadata"]
        if (meta["namespace"], meta["name"]) == (namespace, pod):
            return worker
    raise NotFound(f'pods "{pod}" not found', kind="pods", name=pod)


def unavailable(pod: Obj, container: str) -> BadRequest:
    """Of a pod that this node knows but did not take."""
    name = container or pod["spec"]["containers"][0]["name"]
    return BadRequest(f'container "{name}" in pod "{pod["metadata"]["name"]}" is not available')


def logs(worker: PodWorker, options: LogOptions, now: float) -> AsyncIterator[bytes]:
    """Raises `BadRequest` when there is no such log: no such container, not started yet, or no earlier run."""
    life = _life(worker, options.container)
    name, pod = life.spec["name"], worker.pod["metadata"]["name"]
    attempt = life.attempts - (2 if options.previous else 1)
    if options.previous and attempt < 0:
        raise BadRequest(f'previous terminated container "{name}" in pod "{pod}" not found')
    if attempt < 0:
        reason = life.status.state.reason if isinstance(life.status.state, Waiting) else "ContainerCreating"
        raise BadRequest(f'container "{name}" in pod "{pod}" is waiting to start: {reason}')
    path = worker.sandbox.log(name, attempt)

    def alive() -> bool:
        return life.running_id is not None and life.attempts == attempt + 1

    return cri_logs.stream(path, options, now, alive)


async def execute(
    runtime: Runtime, worker: PodWorker, container: str, command: list[str], *, stdin: bool, tty: bool
) -> OpenExec:
    """Raises `NotFound` when the container does not run, and `ExecFailed`."""
    life = _life(worker, container)
    if life.running_id is None:
        raise NotFound(f'container not found ("{life.spec["name"]}")')
    try:
        stream = await runtime.open_exec(life.running_id, tuple(command), tty=tty)
    except StartFailed as failed:
        raise ExecFailed(f"error executing command in container: {failed}") from failed
    if not stdin:
        await stream.write_stdin(b"")
    return OpenExec(stream)


async def attach(runtime: Runtime, worker: PodWorker, container: str) -> OpenExec:
    """Raises `NotFound` when the container does not run."""
    life, pod = _life(worker, container), worker.pod["metadata"]
    gone = NotFound(f"container {life.spec['name']} not found in pod {pod['name']}_{pod['namespace']}")
    if life.running_id is None:
        raise gone
    try:
        return OpenExec(await runtime.attach(life.running_id))
    except StartFailed:
        raise gone from None


async def dial(network: Network, worker: PodWorker, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the port on the pod's loopback. Raises `BadRequest`, or `ApiError` when nobody listens."""
    netns = worker.netns
    if netns is None:
        raise BadRequest(f"pod {worker.pod['metadata']['name']} has no network: it does not run")
    where = f"error forwarding port {port} to pod {worker.pod['metadata']['uid']}, uid : failed to execute portforward"
    connection = network.pod_socket(netns, socket.AF_INET, socket.SOCK_STREAM)
    try:
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    except OSError as refused:
        connection.close()
        # asyncio puts words of its own in the place of the system's.
        why = os.strerror(refused.errno or 0).lower()
        inside = f'failed to connect to localhost:{port} inside namespace "{netns}"'
        raise ApiError(f"{where}: {inside}, IPv4: dial tcp4 127.0.0.1:{port}: connect: {why}") from refused
    return await asyncio.open_connection(sock=connection)


def _life(worker: PodWorker, container: str) -> ContainerLife:
    pod = worker.pod["metadata"]["name"]
    names = [c["name"] for c in podspec.containers(worker.pod)]
    if not container and len(names) > 1:
        raise BadRequest(f"a container name must be specified for pod {pod}, choose one of: [{' '.join(names)}]")
    life = worker.life(container or names[0])
    if life is None:
        raise BadRequest(f"container {container} is not valid for pod {pod}")
    return life
