"""pods/portforward over WebSocket: SPDY in a tunnel, as kubectl has it, or the v4 channels of other clients."""

import asyncio
import struct
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import WSCloseCode, WSMsgType, web

from cluster.api.spdy import Damaged
from cluster.api.tunnel import Dial, Tunnel, why
from cluster.client import ApiError, BadRequest

CHANNELS = "v4.channel.k8s.io"
SPDY = "SPDY/3.1+portforward.k8s.io"
_CHUNK_BYTES = 32 * 1024
_MESSAGE_BYTES = 4 * 1024 * 1024


async def serve_portforward(request: web.BaseRequest, dial: Dial) -> web.StreamResponse:
    """Connect ports to the pod and carry bytes until either side goes. Raises BadRequest."""
    offered = request.headers.get("Sec-WebSocket-Protocol", "")
    if SPDY in offered:
        return await _serve_tunnel(request, dial)
    if CHANNELS in offered:
        return await _serve_channels(request, dial)
    raise BadRequest(f"unable to upgrade: the protocol offered ({offered}) is neither {SPDY} nor {CHANNELS}")


async def _serve_tunnel(request: web.BaseRequest, dial: Dial) -> web.StreamResponse:
    """Ports are named as connections are made, not before."""
    socket = web.WebSocketResponse(protocols=(SPDY,), max_msg_size=_MESSAGE_BYTES)
    await socket.prepare(request)
    tunnel = Tunnel(socket.send_bytes, dial)
    try:
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await tunnel.take(message.data)
    except Damaged as damaged:
        await socket.close(code=WSCloseCode.PROTOCOL_ERROR, message=str(damaged).encode())
    finally:
        await tunnel.close()
    await socket.close()
    return socket


@dataclass(slots=True)
class _Link:
    """One forwarded port: its channel, and the connection to the pod."""

    channel: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def _serve_channels(request: web.BaseRequest, dial: Dial) -> web.StreamResponse:
    """Two channels for each port of the query, one of them for errors."""
    ports = _ports(request.query.getall("ports", []))
    socket = web.WebSocketResponse(protocols=(CHANNELS,), max_msg_size=_MESSAGE_BYTES)
    await socket.prepare(request)
    links = [await _open(socket, i, dial, port) for i, port in enumerate(ports)]
    await _carry(socket, [link for link in links if link])
    await socket.close()
    return socket


def _ports(texts: list[str]) -> list[int]:
    ports = [port for text in texts for port in text.split(",")]
    if not ports or not all(port.isascii() and port.isdigit() and 0 < int(port) < 65536 for port in ports):
        raise BadRequest(f"ports: Invalid value: {','.join(texts)!r}: at least one port from 1 to 65535 is needed")
    return [int(port) for port in ports]


async def _open(socket: web.WebSocketResponse, index: int, dial: Dial, port: int) -> _Link | None:
    data, error = 2 * index, 2 * index + 1
    for channel in (data, error):
        await socket.send_bytes(bytes([channel]) + struct.pack("<H", port))
    try:
        reader, writer = await dial(port)
    except (OSError, ApiError) as refused:
        await socket.send_bytes(bytes([error]) + why(refused).encode())
        return None
    return _Link(data, reader, writer)


async def _carry(socket: web.WebSocketResponse, links: list[_Link]) -> None:
    out = [asyncio.create_task(_from_pod(socket, link)) for link in links]
    back = asyncio.create_task(_to_pods(socket, {link.channel: link.writer for link in links}))
    try:
        pending: set[asyncio.Task[None]] = set(out)
        while pending and not back.done():
            await asyncio.wait({*pending, back}, return_when=asyncio.FIRST_COMPLETED)
            pending = {task for task in out if not task.done()}
    finally:
        for task in (*out, back):
            task.cancel()
        for link in links:
            link.writer.close()
        with suppress(asyncio.CancelledError, ConnectionError):
            await asyncio.gather(*out, back, return_exceptions=True)


async def _from_pod(socket: web.WebSocketResponse, link: _Link) -> None:
    while data := await link.reader.read(_CHUNK_BYTES):
        await socket.send_bytes(bytes([link.channel]) + data)


async def _to_pods(socket: web.WebSocketResponse, writers: dict[int, asyncio.StreamWriter]) -> None:
    async for message in socket:
        if message.type is not WSMsgType.BINARY or len(message.data) < 2:
            continue
        if writer := writers.get(message.data[0]):
            writer.write(message.data[1:])
            await writer.drain()
