"""A place for tests with real packets: namespaces of their own, servers and clients in pods, a tiny API to watch."""

import asyncio
import ctypes
import functools
import os
import signal
import socket
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cluster.client import Obj, WatchEvent
from cluster.config import DEFAULT_NODES
from cluster.network import namespaces
from cluster.network.links import LinuxNetwork
from cluster.network.spec import PodLink

CLONE_NEWNS, CLONE_NEWNET, MS_PRIVATE, MS_REC = 0x20000, 0x40000000, 0x40000, 0x4000
PR_SET_PDEATHSIG = 1
LIMIT_SECONDS = 30.0
PATIENCE_SECONDS = 1.0
"""Long enough for whatever is let through, also on a busy machine; a SYN that is dropped is tried again after 1 s."""

_libc = ctypes.CDLL(None, use_errno=True)


def isolated(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Run a test in a child process with network and mount namespaces of its own, which die with it."""

    @functools.wraps(test)
    def run() -> None:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _child(test, writing)
        os.close(writing)
        report = _report(child, reading)
        assert not report, f"\n{report}"

    # pytest must see a plain function, not the coroutine function that it wraps.
    del run.__wrapped__
    return pytest.mark.root(run)


def _child(test: Callable[[], Awaitable[None]], writing: int) -> None:
    report = ""
    try:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        _own_namespaces()
        asyncio.run(asyncio.wait_for(_awaited(test), LIMIT_SECONDS))
    except BaseException:  # noqa: BLE001  # whatever it is, the parent must hear of it
        report = traceback.format_exc()
    os.write(writing, report.encode()[-60000:])
    os._exit(0)


async def _awaited(test: Callable[[], Awaitable[None]]) -> None:
    await test()


def _own_namespaces() -> None:
    for done in (
        _libc.unshare(CLONE_NEWNS | CLONE_NEWNET),
        _libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None),
        _libc.mount(b"tmpfs", b"/run", b"tmpfs", 0, None),
    ):
        assert done == 0, os.strerror(ctypes.get_errno())


def _report(child: int, reading: int) -> str:
    """What the child wrote before it ended; it is killed when it does not end in time."""
    deadline = time.monotonic() + LIMIT_SECONDS + 5
    os.set_blocking(reading, False)
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return f"still running after {LIMIT_SECONDS} s"
        time.sleep(0.005)
    with os.fdopen(reading, "rb") as pipe:
        return (pipe.read() or b"").decode()


@asynccontextmanager
async def running_network(nodes: int = 2) -> AsyncIterator[LinuxNetwork]:
    network = LinuxNetwork()
    await network.start()
    for node in DEFAULT_NODES[:nodes]:
        await network.add_node(node)
    yield network
    await network.stop()


class Api:
    """What watchers of the API see: objects put here, then every change. Only `watch` of the client is there."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[tuple[str, str], Obj]] = {}
        self._readers: dict[str, list[asyncio.Queue[WatchEvent]]] = {}

    def put(self, resource: str, obj: Obj) -> None:
        key = obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
        known = self._objects.setdefault(resource, {})
        self._tell(resource, WatchEvent("MODIFIED" if key in known else "ADDED", obj))
        known[key] = obj

    def remove(self, resource: str, name: str, namespace: str = "default") -> None:
        self._tell(resource, WatchEvent("DELETED", self._objects[resource].pop((namespace, name))))

    async def watch(
        self, resource: str, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> AsyncIterator[WatchEvent]:
        assert (namespace, labels, fields) == (None, "", ""), "the network watches whole resources"
        queue: asyncio.Queue[WatchEvent] = asyncio.Queue()
        self._readers.setdefault(resource, []).append(queue)
        for obj in self._objects.get(resource, {}).values():
            queue.put_nowait(WatchEvent("ADDED", obj))
        while True:
            yield await queue.get()

    def _tell(self, resource: str, event: WatchEvent) -> None:
        for queue in self._readers.get(resource, ()):
            queue.put_nowait(event)


class Server:
    """Answers every TCP connection and UDP packet with its name and the client's address, in a pod's namespace."""

    def __init__(self, link: PodLink, name: str, port: int) -> None:
        self.link, self.name, self.port = link, name, port
        self.node = f"node{link.address.split('.')[2]}"
        with namespaces.inside(link.netns):
            self._tcp = socket.create_server(("", port))
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self._udp.bind(("", port))

    async def start(self) -> None:
        asyncio.get_running_loop().add_reader(self._udp, self._answer)
        await asyncio.start_server(self._serve, sock=self._tcp)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{self.name} {writer.get_extra_info('peername')[0]}".encode())
        await writer.drain()
        await reader.read()
        writer.close()

    def _answer(self) -> None:
        _, client = self._udp.recvfrom(100)
        self._udp.sendto(f"{self.name} {client[0]}".encode(), client)


async def ask(netns: Path | None, address: str, port: int, kind: int = socket.SOCK_STREAM) -> str:
    """What the server at the address answers to a client in a namespace (None: our own).

    Raises ConnectionRefusedError, or TimeoutError where packets are dropped.
    """
    client = socket_in(netns, kind)
    async with asyncio.timeout(PATIENCE_SECONDS):
        with client:
            await asyncio.get_running_loop().sock_connect(client, (address, port))
            if kind == socket.SOCK_DGRAM:
                await asyncio.get_running_loop().sock_sendall(client, b"who?")
            return (await asyncio.get_running_loop().sock_recv(client, 100)).decode()


def socket_in(netns: Path | None, kind: int = socket.SOCK_STREAM) -> socket.socket:
    if netns is None:
        return socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK)
    with namespaces.inside(netns):
        return socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK)


async def serve(network: LinuxNetwork, node: str, name: str, port: int = 8080) -> Server:
    """A pod with a server in it."""
    server = Server(await network.attach(node, name), name, port)
    await server.start()
    return server


async def eventually(check: Callable[[], Awaitable[Any]], within_seconds: float = 2.0) -> None:
    """Until `check` stops raising AssertionError, ConnectionError or TimeoutError."""
    deadline = time.monotonic() + within_seconds
    while True:
        try:
            await check()
        except (AssertionError, ConnectionError, TimeoutError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.01)
        else:
            return
