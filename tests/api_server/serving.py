"""A served API on loopback, and what a test needs to talk to it."""

import base64
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from cluster.api.server import ApiServer
from cluster.config import ClusterConfig
from cluster.nodeservice import NodeService


@dataclass(frozen=True, slots=True)
class Served:
    api: ApiServer
    urls: tuple[str, ...]
    kubeconfig: Path
    session: aiohttp.ClientSession
    """Nobody in particular, trusting the cluster's authority."""

    @property
    def url(self) -> str:
        return self.urls[0]

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        """Status and JSON of one request."""
        async with self.session.request(method, self.url + path, json=body, **options) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def serving(
    folder: Path, nodes: dict[str, NodeService] | None = None, *, user: str | None = "admin", sockets: int = 1
) -> AsyncIterator[Served]:
    """Serve on free ports of loopback; the session carries the admin's certificate unless `user` is None."""
    api = ApiServer(ClusterConfig(id="test", state_dir=folder), nodes or {})
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(sockets)]
    urls = tuple(f"https://127.0.0.1:{sock.getsockname()[1]}" for sock in listening)
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(api.kubeconfig(urls[0]))
    await api.serve(listening)
    connector = aiohttp.TCPConnector(ssl=client_tls(kubeconfig, folder, certificate=user is not None))
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            yield Served(api, urls, kubeconfig, session)
    finally:
        await api.close()


def client_tls(kubeconfig: Path, folder: Path, *, certificate: bool) -> ssl.SSLContext:
    """TLS as the kubeconfig says."""
    config = yaml.safe_load(kubeconfig.read_text())
    decode: Callable[[str], bytes] = base64.b64decode
    authority = decode(config["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    if certificate:
        user, pem = config["users"][0]["user"], folder / "client.pem"
        pem.write_bytes(decode(user["client-certificate-data"]) + decode(user["client-key-data"]))
        context.load_cert_chain(pem)
    return context
