"""pods/portforward over WebSocket: the v4 channel protocol, two channels a port, one of them for errors."""

import asyncio
import struct
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from cluster.client import BadRequest, NotImplementedHere, Obj

PROTOCOL = "v4.channel.k8s.io"
_SPDY = "SPDY/3.1+portforward.k8s.io"
_CHUNK_BYTES = 32 * 1024


@dataclass(slots=True)
class _Link:
    """One forwarded port: its channel, and the connection to the pod."""

    channel: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def serve_portforward(request: web.BaseRequest, pod: Obj) -> web.StreamResponse:
    """Connect each port of the query to the pod and carry bytes until either side goes."""
    offered = request.headers.get("Sec-WebSocket-Protocol", "")
    if PROTOCOL not in offered:
        if _SPDY in offered:
            raise NotImplementedHere(
                "port forwarding by SPDY is not supported by this cluster: reach the pod through pods/proxy"
            )
        raise BadRequest(f"unable to upgrade: the protocol offered ({offered}) is not {PROTOCOL}")
    ports = _ports(request.query.getall("ports", []))
    address = (pod.get("status") or {}).get("podIP")
    if not address:
        raise BadRequest(f"unable to forward port because pod is not running: {pod['metadata']['name']} has no address")
    socket = web.WebSocketResponse(protocols=(PROTOCOL,))
    await socket.prepare(request)
    links = [await _open(socket, i, address, port) for i, port in enumerate(ports)]
    await _carry(socket, [link for link in links if link])
    await socket.close()
    return socket


def _ports(texts: list[str]) -> list[int]:
    ports = [port for text in texts for port in text.split(",")]
    if not ports or not all(port.isascii() and port.isdigit() and 0 < int(port) < 65536 for port in ports):
        raise BadRequest(f"ports: Invalid value: {','.join(texts)!r}: at least one port from 1 to 65535 is needed")
    return [int(port) for port in ports]


async def _open(socket: web.WebSocketResponse, index: int, address: str, port: int) -> _Link | None:
    data, error = 2 * index, 2 * index + 1
    for channel in (data, error):
        await socket.send_bytes(bytes([channel]) + struct.pack("<H", port))
    try:
        reader, writer = await asyncio.open_connection(address, port)
    except OSError as refused:
        text = f"failed to connect to {address}:{port} inside the pod: {refused.strerror or refused}"
        await socket.send_bytes(bytes([error]) + text.encode())
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
