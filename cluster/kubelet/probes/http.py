"""HTTP checks, from the node's network namespace, with the messages of Go's client."""

import asyncio
import socket
from collections.abc import Callable
from typing import NamedTuple

import aiohttp
from yarl import URL

from cluster.kubelet.probes.table import Outcome

_BODY_BYTES = 10 * 1024
_REDIRECTS = 10
_FOLLOWED = (301, 302, 303, 307, 308)

# Gives a non-blocking TCP socket of an address family, born on the node.
SocketFactory = Callable[[int], socket.socket]


class _Answer(NamedTuple):
    status: int
    body: str
    target: str
    """Where it redirects to, as written; "" if nowhere."""


class HttpClient:
    """GETs from one node. No keep-alive, no proxy, certificates unverified: as the kubelet probes."""

    def __init__(self, new_socket: SocketFactory) -> None:
        self._new_socket = new_socket
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str, headers: list[tuple[str, str]], timeout_seconds: float) -> Outcome:
        """Success is a status from 200 to 399. Redirects are followed on the same host only; others are odd."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._follow(URL(url, encoded=True), headers)
        except TimeoutError:
            text = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            return Outcome(False, f'Get "{url}": {text}')
        except (aiohttp.ClientError, OSError) as error:
            return Outcome(False, f'Get "{url}": {_reason(error, URL(url, encoded=True))}')

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _follow(self, url: URL, headers: list[tuple[str, str]]) -> Outcome:
        for _ in range(_REDIRECTS):
            found = await self._once(url, headers)
            there = url.join(URL(found.target)) if found.target else None
            if there is None or there.host != url.host:
                return _judge(found)
            url = there
        return Outcome(False, f'Get "{found.target}": stopped after {_REDIRECTS} redirects')

    async def _once(self, url: URL, headers: list[tuple[str, str]]) -> _Answer:
        session = self._open()
        async with session.get(url, headers=headers, allow_redirects=False) as answer:
            body = await answer.content.read(_BODY_BYTES)
            target = answer.headers.get("Location", "") if answer.status in _FOLLOWED else ""
            return _Answer(answer.status, body.decode(errors="replace"), target)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                force_close=True, ssl=False, limit=0, socket_factory=lambda info: self._new_socket(info[0])
            )
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=aiohttp.ClientTimeout(total=None), auto_decompress=False, trust_env=False
            )
        return self._session


def _judge(answer: _Answer) -> Outcome:
    if 300 <= answer.status < 400:
        return Outcome(True, warning=f"Probe terminated redirects, Response body: {answer.body}")
    if 200 <= answer.status < 300:
        return Outcome(True)
    return Outcome(False, f"HTTP probe failed with statuscode: {answer.status}")


def _reason(error: Exception, url: URL) -> str:
    if isinstance(error, aiohttp.ClientSSLError):
        return tls_error(error)
    if isinstance(error, aiohttp.ClientConnectorError):
        return dial_error(error.os_error, f"{url.host}:{url.port}")
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "EOF"
    if isinstance(error, ConnectionResetError):
        return "read: connection reset by peer"
    return str(error)


def tls_error(error: Exception) -> str:
    """As Go tells of a peer that does not speak TLS; other failures in this library's words."""
    plain = "WRONG_VERSION_NUMBER" in str(error)
    return "tls: first record does not look like a TLS handshake" if plain else f"tls: {error}"


def dial_error(error: OSError, where: str) -> str:
    """As Go tells of a connection that could not be made."""
    texts = {
        "ConnectionRefusedError": "connection refused",
        "ConnectionResetError": "connection reset by peer",
        "TimeoutError": "connection timed out",
    }
    text = texts.get(type(error).__name__) or (error.strerror or str(error)).lower()
    return f"dial tcp {where}: connect: {text}"
