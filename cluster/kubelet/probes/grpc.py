"""gRPC health checks (grpc.health.v1.Health/Check): one request by HTTP/2 without TLS, written out.

HPACK is used only in its plainest form (literals, no Huffman), and of the answer only its DATA is read: a server that
refuses the call sends none.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from typing import NamedTuple

from cluster.kubelet.probes.http import SocketFactory
from cluster.kubelet.probes.table import Outcome

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY = 0, 1, 3, 4, 6, 7
_END_STREAM, _ACK, _END_HEADERS, _PADDED = 1, 1, 4, 8
_MAX_FRAME = 16384
_STATUSES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


class NoHttp2(Exception):
    """The server speaks something else than HTTP/2."""


class _Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    payload: bytes


async def check(new_socket: SocketFactory, host: str, port: int, service: str, timeout_seconds: float) -> Outcome:
    """Success is the answer SERVING."""
    where = f"{host}:{port}"
    try:
        async with asyncio.timeout(timeout_seconds):
            status = await _patiently(new_socket, host, port, service)
    except TimeoutError:
        text = f'timeout: failed to connect service "{where}" within {timeout_seconds:g}s: context deadline exceeded'
        return Outcome(False, text)
    except (OSError, EOFError, ValueError) as error:
        return Outcome(False, f'error: health rpc of "{where}" failed: {error or "connection closed"}')
    if status == "SERVING":
        return Outcome(True)
    return Outcome(False, f'service unhealthy (responded with "{status}")')


async def _patiently(new_socket: SocketFactory, host: str, port: int, service: str) -> str:
    """A client of gRPC tries to connect until its time is up, and tells only that."""
    try:
        return await _ask(new_socket, host, port, service)
    except (OSError, NoHttp2):
        await asyncio.sleep(float("inf"))
        raise


async def _ask(new_socket: SocketFactory, host: str, port: int, service: str) -> str:
    with new_socket(socket.AF_INET) as connection:
        await asyncio.get_running_loop().sock_connect(connection, (host, port))
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            writer.write(request_bytes(f"{host}:{port}", service))
            return await _answer(reader, writer)
        finally:
            writer.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    body = b""
    async for frame in _frames(reader):
        if frame.kind in (_SETTINGS, _PING) and not frame.flags & _ACK:
            writer.write(_frame(frame.kind, _ACK, 0, b"" if frame.kind == _SETTINGS else frame.payload))
        elif frame.kind in (_RESET, _GOAWAY):
            raise ValueError("the server refused the call")
        elif frame.kind == _DATA:
            body += _unpadded(frame)
        if frame.stream == 1 and frame.kind in (_DATA, _HEADERS) and frame.flags & _END_STREAM:
            break
    return serving_status(body)


async def _frames(reader: asyncio.StreamReader) -> AsyncIterator[_Frame]:
    while True:
        head = await reader.readexactly(9)
        length = int.from_bytes(head[:3], "big")
        if length > _MAX_FRAME:
            raise NoHttp2
        stream = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
        yield _Frame(head[3], head[4], stream, await reader.readexactly(length))


def request_bytes(authority: str, service: str) -> bytes:
    """Preface, settings, headers and the one message of a Check call."""
    headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("user-agent", "kube-probe/1.36"),
    ]
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    data = struct.pack(">BI", 0, len(message)) + message
    block = b"".join(_literal(key) for key in headers)
    head = _frame(_HEADERS, _END_HEADERS, 1, block)
    return _PREFACE + _frame(_SETTINGS, 0, 0, b"") + head + _frame(_DATA, _END_STREAM, 1, data)


def serving_status(body: bytes) -> str:
    """The status in a HealthCheckResponse with its gRPC prefix. Raises ValueError when there is no message."""
    if len(body) < 5 or body[0] != 0:
        raise ValueError("the server refused the call")
    message = body[5 : 5 + int.from_bytes(body[1:5], "big")]
    number = message[1] if len(message) >= 2 and message[0] == 0x08 else 0
    return _STATUSES.get(number, str(number))


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def _literal(header: tuple[str, str]) -> bytes:
    return b"\x00" + b"".join(_hpack_integer(len(text)) + text.encode() for text in header)


def _hpack_integer(value: int) -> bytes:
    """A string length in seven bits and what does not fit after it; the eighth bit, Huffman, is off."""
    return bytes((value,)) if value < 127 else b"\x7f" + _varint(value - 127)


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes((value & 127 | 128,))
        value >>= 7
    return out + bytes((value,))


def _unpadded(frame: _Frame) -> bytes:
    if not frame.flags & _PADDED:
        return frame.payload
    return frame.payload[1 : len(frame.payload) - frame.payload[0]]
