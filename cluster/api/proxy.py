"""pods/proxy and services/proxy: any request, passed on to a pod and its answer passed back."""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from cluster.api.requests import Target
from cluster.client import ApiError, BadRequest, NotFound, NotImplementedHere, Obj
from cluster.relay import is_upgrade, pass_back, request_headers
from cluster.store import Store

_CONNECT_SECONDS = 10
_PATH_SEGMENTS = 8  # "", api, v1, namespaces, NAMESPACE, pods, NAME, proxy, and then what the backend sees


@dataclass(frozen=True, slots=True)
class Backend:
    scheme: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of a Service: over which scheme, by which words, at which port (a name, a number, or "")."""

    scheme: str
    words: str
    port: str


class Proxy:
    def __init__(self, store: Store, chance: random.Random) -> None:
        self._store = store
        self._chance = chance
        self._session: aiohttp.ClientSession | None = None

    async def forward(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        """Raises 503 in the real proxy's words when the backend cannot be reached."""
        if is_upgrade(request):
            raise NotImplementedHere("upgraded connections (WebSocket) are not proxied here: use port-forward")
        backend = find_backend(self._store, target, self._chance)
        url = _url(backend, request.rel_url)
        body = request.content if request.body_exists else None
        sending = self._client().request(
            request.method, url, headers=_request_headers(request), data=body, allow_redirects=False
        )
        try:
            answer = await sending
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unavailable(f"error trying to reach service: {_reason(backend, error)}") from error
        async with answer:
            return await pass_back(request, answer)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
            connector = aiohttp.TCPConnector(ssl=False, force_close=True)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)
        return self._session


def find_backend(store: Store, target: Target, chance: random.Random) -> Backend:
    """The pod address behind `NAME`, `NAME:PORT` or `SCHEME:NAME:PORT`; of a Service, any that is ready.

    Raises `NotFound`, `BadRequest` or 503.
    """
    scheme, name, port = _split(target.name, target.plural)
    entry = store.get(target.plural, target.namespace, name)
    if entry is None:
        raise NotFound(f'{target.plural} "{name}" not found', kind=target.plural, name=name)
    if target.plural == "pods":
        return Backend(scheme, _pod_address(entry.object), _pod_port(entry.object, port))
    if entry.object["spec"].get("type") == "ExternalName":
        raise NotFound(f'services "{name}" not found', kind="services", name=name)
    return _service_backend(store, entry.object, Asked(scheme, target.name, port), chance)


def _split(text: str, plural: str) -> tuple[str, str, str]:
    parts = text.split(":")
    match parts:
        case [name]:
            return "http", name, ""
        case [name, port]:
            return "http", name, port
        case ["http" | "https" | "" as scheme, name, port]:
            return scheme or "http", name, port
    raise BadRequest(f'invalid {plural.removesuffix("s")} request "{text}"')


def _pod_address(pod: Obj) -> str:
    address = (pod.get("status") or {}).get("podIP")
    if not address:
        raise _unavailable(f'pod "{pod["metadata"]["name"]}" has no address yet')
    return str(address)


def _pod_port(pod: Obj, port: str) -> int:
    if port:
        return _number(port)
    declared = [p["containerPort"] for c in pod["spec"]["containers"] for p in c.get("ports") or ()]
    return int(declared[0]) if declared else 80


def _service_backend(store: Store, service: Obj, asked: Asked, chance: random.Random) -> Backend:
    wanted = _service_port(service, asked.port)
    slices = list(_slices(store, service["metadata"]))
    for part in slices:
        ports = [p["port"] for p in part.get("ports") or () if p.get("name", "") == wanted]
        ready = [e for e in part["endpoints"] if (e.get("conditions") or {}).get("ready")]
        if ports and ready:
            return Backend(asked.scheme, chance.choice(ready)["addresses"][0], ports[0])
    # Where nobody is at all, the real proxy does not get as far as the port.
    missing = asked.words if slices else service["metadata"]["name"]
    raise _unavailable(f'no endpoints available for service "{missing}"')


def _slices(store: Store, service: Obj) -> Iterator[Obj]:
    """Those of a Service (its metadata) that have anybody in them."""
    for part in (entry.object for entry in store.list("endpointslices.discovery.k8s.io", service["namespace"])):
        labels = part["metadata"].get("labels") or {}
        if labels.get("kubernetes.io/service-name") == service["name"] and part.get("endpoints"):
            yield part


def _service_port(service: Obj, port: str) -> str:
    """The name of the Service port that a number means; a name, or none, is what it is."""
    if not port.isdigit():
        return port
    found = [p for p in service["spec"].get("ports") or () if str(p["port"]) == port]
    if not found:
        raise _unavailable(f'no service port {port} found for service "{service["metadata"]["name"]}"')
    return str(found[0].get("name", ""))


def _number(port: str) -> int:
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise BadRequest(f'invalid port "{port}"')
    return int(port)


def _url(backend: Backend, asked: URL) -> URL:
    segments = asked.raw_path.split("/", _PATH_SEGMENTS)
    rest = segments[_PATH_SEGMENTS] if len(segments) > _PATH_SEGMENTS else ""
    query = f"?{asked.raw_query_string}" if asked.raw_query_string else ""
    return URL(f"{backend.scheme}://{backend.address}:{backend.port}/{rest}{query}", encoded=True)


def _request_headers(request: web.BaseRequest) -> CIMultiDict[str]:
    """Without those that are ours to know."""
    headers = request_headers(request)
    for name in [name for name in headers if _is_ours(name.lower())]:
        headers.popall(name, None)
    return headers


def _is_ours(name: str) -> bool:
    return name == "authorization" or name.startswith("impersonate-")


def _unavailable(message: str) -> ApiError:
    return ApiError(message, code=503, reason="ServiceUnavailable")


def _reason(backend: Backend, error: Exception) -> str:
    """As Go's dialer tells it."""
    dial = f"dial tcp {backend.address}:{backend.port}"
    match error:
        case aiohttp.ClientSSLError() if "WRONG_VERSION_NUMBER" in str(error):
            return "tls: first record does not look like a TLS handshake"
        case aiohttp.ServerDisconnectedError():
            return "EOF"
        case TimeoutError():
            return f"{dial}: i/o timeout"
        case aiohttp.ClientConnectorError(os_error=os_error) | (OSError() as os_error):
            # The event loop words it its own way; the number is the kernel's.
            return f"{dial}: connect: {os.strerror(os_error.errno or 0).lower()}"
    return str(error)
