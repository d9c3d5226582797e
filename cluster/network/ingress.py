"""The ingress controller's proxy: HTTP and HTTPS from one address to the endpoints of Services, by the Ingresses.

It listens from the first Ingress of its own on. A host is served in plain text unless an Ingress names it in `tls`;
then plain HTTP is redirected to HTTPS (308, as ingress-nginx does unless told otherwise). Requests leave from the
ingress's own address, which NetworkPolicies judge as that of its pod.
"""

import asyncio
import base64
import itertools
import logging
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime

import aiohttp
from aiohttp import web
from yarl import URL

from cluster.client import Client, NotFound, Obj
from cluster.config import INGRESS_ADDRESS
from cluster.ingress import CLASSES, INGRESSES, is_ours
from cluster.network import facts, services
from cluster.network.facts import Key
from cluster.network.mirror import Mirror
from cluster.network.routes import Backend, Route, Table, ingress, table
from cluster.network.tls import self_signed, server_context
from cluster.relay import is_upgrade, pass_back, request_headers

# ingress-nginx's defaults: proxy-connect-timeout, proxy-read-timeout, and how many endpoints of a Service are tried.
CONNECT_SECONDS = 5
READ_SECONDS = 60
TRIES = 3

HTTP_PORT, HTTPS_PORT = 80, 443
FAKE_NAME = "Kubernetes Ingress Controller Fake Certificate"
_SHUTDOWN_SECONDS = 0.2
_SAFE_TO_REPEAT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_NEVER_REACHED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

log = logging.getLogger(__name__)


class IngressProxy:
    """`run` it for ever, in the fabric's namespace."""

    def __init__(self, client: Client, address: str = INGRESS_ADDRESS) -> None:
        self._client = client
        self._address = address
        self._ingresses = Mirror(client, INGRESSES, ingress, self._changed)
        self._classes = Mirror(client, CLASSES, is_ours, self._changed)
        self._services = Mirror(client, "services", facts.service, _nothing)
        self._slices = Mirror(client, "endpointslices.discovery.k8s.io", facts.endpoint_slice, _nothing)
        self._table = Table({}, {})
        self._wanted = asyncio.Event()
        self._turn = itertools.count()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ingresses.run())
            group.create_task(self._classes.run())
            await self._wanted.wait()
            group.create_task(self._services.run())
            group.create_task(self._slices.run())
            group.create_task(self._serve())

    def _changed(self, _key: Key) -> None:
        ours = {name for (_, name), is_ours in self._classes.facts.items() if is_ours}
        mine = [one for one in self._ingresses.facts.values() if one.class_name in ours]
        self._table = table(mine)
        if mine:
            self._wanted.set()

    async def _serve(self) -> None:
        runner = web.ServerRunner(
            web.Server(self._handle, handler_cancellation=True, access_log=None), shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await runner.setup()
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS)
        # A connection of its own for each request: many a server behind answers one connection at a time.
        connector = aiohttp.TCPConnector(local_addr=(self._address, 0), force_close=True, limit=0)
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=jar
        ) as self._session:
            try:
                await web.TCPSite(runner, self._address, HTTP_PORT).start()
                await web.TCPSite(runner, self._address, HTTPS_PORT, ssl_context=self._tls()).start()
                await asyncio.Event().wait()
            finally:
                await runner.cleanup()

    def _tls(self) -> ssl.SSLContext:
        fake = server_context(*self_signed(FAKE_NAME, datetime.now(UTC)))

        def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext) -> None:
            connection.context = self._certificate(name or "") or fake

        # The context that chooses must not be the one of any host: a host's is shared between handshakes.
        fake.sni_callback = choose
        return fake

    def _certificate(self, host: str) -> ssl.SSLContext | None:
        """None where there is no such Secret, or nothing in it to serve."""
        key = self._table.secret(host)
        if key is None:
            return None
        try:
            data: Obj = self._client.get("secrets", key[1], key[0]).get("data") or {}
            return server_context(base64.b64decode(data["tls.crt"]), base64.b64decode(data["tls.key"]))
        except (NotFound, KeyError, ValueError, ssl.SSLError) as error:
            log.warning("no certificate for %s in Secret %s/%s: %r", host, *key, error)
            return None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        host = request.host.partition(":")[0].lower()
        route = self._table.find(host, request.path)
        if route is None:
            return _page(404, "default backend - 404")
        if not request.secure and (route.forces or (route.redirects and self._table.has_tls(host))):
            return web.Response(status=308, headers={"Location": f"https://{host}{_target(request)}"})
        if is_upgrade(request):
            return _page(501, "upgraded connections (WebSocket) are not passed on by this cluster's ingress")
        return await self._forward(request, route)

    async def _forward(self, request: web.BaseRequest, route: Route) -> web.StreamResponse:
        endpoints = self._endpoints(route.backend)
        if not endpoints:
            return _page(503, f"no endpoint of Service {'/'.join(route.backend.service)} is ready")
        try:
            answer = await self._ask(request, endpoints)
        except TimeoutError as error:
            return _page(504, f"Service {'/'.join(route.backend.service)} does not answer in time: {error}")
        except (aiohttp.ClientError, OSError) as error:
            return _page(502, f"Service {'/'.join(route.backend.service)} does not answer: {error}")
        async with answer:
            return await pass_back(request, answer)

    def _endpoints(self, backend: Backend) -> Sequence[services.Backend]:
        """Each in its turn the first."""
        service = self._services.facts.get(backend.service)
        ports = service.ports if service else ()
        wanted = [port for port in ports if backend.port in (port.name or None, port.port)]
        slices = [one for one in self._slices.facts.values() if one.service == backend.service]
        found = services.backends(wanted[0], slices) if wanted else ()
        turn = next(self._turn) % len(found) if found else 0
        return (*found[turn:], *found[:turn])

    async def _ask(self, request: web.BaseRequest, endpoints: Sequence[services.Backend]) -> aiohttp.ClientResponse:
        """Raises what the last of the endpoints that were tried failed with."""
        *others, last = endpoints[:TRIES]
        for endpoint in others:
            try:
                return await self._send(request, endpoint)
            except _NEVER_REACHED:
                continue
            except aiohttp.ClientConnectionError:
                if request.method not in _SAFE_TO_REPEAT or request.body_exists:
                    raise
        return await self._send(request, last)

    async def _send(self, request: web.BaseRequest, endpoint: services.Backend) -> aiohttp.ClientResponse:
        address, port = endpoint
        headers = request_headers(request)
        headers["Host"] = request.host
        headers["X-Real-IP"] = headers["X-Forwarded-For"] = request.remote or ""
        headers["X-Forwarded-Host"] = request.host
        headers["X-Forwarded-Proto"], headers["X-Forwarded-Port"] = (
            ("https", str(HTTPS_PORT)) if request.secure else ("http", str(HTTP_PORT))
        )
        return await self._session.request(
            request.method,
            URL(f"http://{address}:{port}{_target(request)}", encoded=True),
            headers=headers,
            data=request.content if request.body_exists else None,
            allow_redirects=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )


def _target(request: web.BaseRequest) -> str:
    return request.rel_url.raw_path_qs


def _nothing(_key: Key) -> None:
    return


def _page(code: int, text: str) -> web.Response:
    return web.Response(status=code, text=f"{text}\n")
