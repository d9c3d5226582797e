"""The API server: the core behind HTTPS."""

import random
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory

from aiohttp import web

from cluster.api.authorize import MASTERS
from cluster.api.bootstrap.objects import SERVER_NAMES
from cluster.api.certificates import Credential, kubeconfig, new_authority
from cluster.api.core import Core
from cluster.api.http import Front, make_request
from cluster.api.local import LocalClient
from cluster.api.proxy import Proxy
from cluster.api.streams import Streams
from cluster.config import ClusterConfig
from cluster.nodeservice import NodeService

ADMIN = "kubernetes-admin"
_SHUTDOWN_SECONDS = 0.2


class ApiServer:
    """One cluster's API. It answers in-process as soon as it exists, and over HTTPS once it serves.

    `node_services` is looked up by node name at each request for logs or exec, and for metrics; its owner keeps it up
    to date.
    """

    def __init__(
        self,
        config: ClusterConfig,
        node_services: Mapping[str, NodeService],
        *,
        clock: Callable[[], float] = time.time,
        chance: random.Random | None = None,
    ) -> None:
        self._core = Core(config, node_services, clock=clock, chance=chance)
        self._authority = new_authority(clock())
        self._proxy = Proxy(self._core.cluster.store, self._core.cluster.random)
        self._streams = Streams(self._core.cluster.store, node_services)
        self._runner: web.ServerRunner | None = None

    @property
    def authority(self) -> str:
        """The certificate of the cluster's authority, as PEM: the ca.crt of kube-root-ca.crt."""
        return self._authority.pem

    def sign(self, request: bytes, seconds: float) -> bytes:
        """A client certificate from a request, both PEM, valid for so long from now."""
        return self._authority.sign(request, seconds, self._core.cluster.clock())

    def client(self, user: str, groups: Sequence[str] = (MASTERS,)) -> LocalClient:
        """The API in-process as `user`; by default as one who may do everything."""
        return self._core.client(user, groups)

    async def measure(self) -> None:
        """Keep metrics.k8s.io fresh, for ever."""
        await self._core.metrics.run()

    def kubeconfig(self, server_url: str) -> str:
        """A kubeconfig for an administrator."""
        return kubeconfig(server_url, self.authority, self._authority.client(ADMIN, [MASTERS]))

    async def serve(self, sockets: Sequence[socket]) -> None:
        """Listen on sockets that are bound already; returns once they accept connections."""
        front = Front(self._core, self._proxy, self._streams)
        server = web.Server(front.handle, handler_cancellation=True, request_factory=make_request, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
        await self._runner.setup()
        context = tls_context(self._authority.server(SERVER_NAMES), self.authority)
        for sock in sockets:
            await web.SockSite(self._runner, sock, ssl_context=context).start()

    async def close(self) -> None:
        """Stop listening; requests under way, watches too, end within a moment."""
        if self._runner is not None:
            await self._runner.cleanup()
        await self._proxy.close()


def tls_context(credential: Credential, authority: str) -> ssl.SSLContext:
    """TLS that asks for a client certificate of ours and does without one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=authority)
    # The ssl module reads certificates from files only.
    with TemporaryDirectory(prefix="seawall-") as folder:
        certificate, key = Path(folder, "tls.crt"), Path(folder, "tls.key")
        certificate.write_bytes(credential.certificate)
        key.write_bytes(credential.key)
        context.load_cert_chain(certificate, key)
    return context
