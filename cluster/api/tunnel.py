"""What `kubectl port-forward` does in a SPDY connection: for each connection it takes, two streams to the pod.

A stream's headers say what it is for: `streamtype` (`error` or `data`), `port`, and a `requestid` that two streams
share. The error stream carries text and only when something went wrong; the data stream carries the connection.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress

from cluster.api import spdy
from cluster.client import ApiError

_CHUNK_BYTES = 32 * 1024
_QUEUED_MAX = 32
_STREAMS_MAX = 1000

Dial = Callable[[int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
"""Connect to a port of the pod. Raises OSError, ApiError."""


def why(error: OSError | ApiError) -> str:
    return error.message if isinstance(error, ApiError) else os.strerror(error.errno or 0)


class Tunnel:
    """The server's side of one connection."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]], dial: Dial) -> None:
        self._send = send
        self._dial = dial
        self._reader, self._writer = spdy.FrameReader(), spdy.FrameWriter()
        self._halves: dict[str, dict[str, int]] = {}
        self._incoming: dict[int, asyncio.Queue[bytes | None]] = {}
        self._forwards: set[asyncio.Task[None]] = set()

    async def take(self, data: bytes) -> None:
        """Act on what the client sent. Raises spdy.Damaged."""
        for frame in self._reader.feed(data):
            match frame:
                case spdy.Opened():
                    await self._opened(frame)
                case spdy.Data():
                    await self._came(frame)
                case spdy.Reset():
                    await self._put(frame.stream, None)
                case spdy.Ping():
                    await self._send(spdy.pong(frame.id))

    async def close(self) -> None:
        for task in self._forwards:
            task.cancel()
        await asyncio.gather(*self._forwards, return_exceptions=True)

    async def _opened(self, frame: spdy.Opened) -> None:
        headers = frame.headers
        kind, port, request = (headers.get(name, "") for name in ("streamtype", "port", "requestid"))
        if kind not in ("error", "data") or not _is_port(port) or len(self._incoming) >= _STREAMS_MAX:
            await self._send(spdy.refused(frame.stream))
            return
        # Should the pod not read, the client waits, and not our memory grows.
        self._incoming[frame.stream] = asyncio.Queue(_QUEUED_MAX)
        await self._send(self._writer.reply(frame.stream))
        halves = self._halves.setdefault(request, {})
        halves[kind] = frame.stream
        if len(halves) == 2:
            del self._halves[request]
            self._begin(int(port), halves["data"], halves["error"])

    def _begin(self, port: int, data: int, error: int) -> None:
        task = asyncio.create_task(self._forward(port, data, error))
        self._forwards.add(task)
        task.add_done_callback(self._forwards.discard)

    async def _came(self, frame: spdy.Data) -> None:
        if frame.data:
            await self._put(frame.stream, frame.data)
        if frame.last:
            await self._put(frame.stream, None)

    async def _put(self, stream: int, data: bytes | None) -> None:
        if queue := self._incoming.get(stream):
            await queue.put(data)

    async def _forward(self, port: int, data: int, error: int) -> None:
        try:
            await self._carry(port, data)
        except (OSError, ApiError) as failed:
            await self._send(spdy.data(error, why(failed).encode()))
        finally:
            # Whoever waits to put something into a queue that is read no more must not wait for ever.
            queues = [self._incoming.pop(stream) for stream in (data, error)]
            for queue in queues:
                while not queue.empty():
                    queue.get_nowait()
            for stream in (data, error):
                with suppress(ConnectionError):
                    await self._send(spdy.data(stream, b"", last=True))

    async def _carry(self, port: int, stream: int) -> None:
        reader, writer = await self._dial(port)
        to_pod = asyncio.create_task(_drain(self._incoming[stream], writer))
        try:
            while chunk := await reader.read(_CHUNK_BYTES):
                await self._send(spdy.data(stream, chunk))
        finally:
            to_pod.cancel()
            await asyncio.gather(to_pod, return_exceptions=True)
            writer.close()


async def _drain(queue: "asyncio.Queue[bytes | None]", writer: asyncio.StreamWriter) -> None:
    while (data := await queue.get()) is not None:
        writer.write(data)
        await writer.drain()
    writer.write_eof()


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) < 65536
