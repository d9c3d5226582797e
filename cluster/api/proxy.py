"""pods/proxy and services/proxy: any request, passed on to a pod and its answer passed back."""

import os
import random
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
    return _service_backend(store, entry.object, scheme, port, chance)


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


def _service_backend(store: Store, service: Obj, scheme: str, port: str, chance: random.Random) -> Backend:
    metadata = service["metadata"]
    wanted = _service_port(service, port)
    slices = (entry.object for entry in store.list("endpointslices.discovery.k8s.io", metadata["namespace"]))
    for part in slices:
        if (part["metadata"].get("labels") or {}).get("kubernetes.io/service-name") != metadata["name"]:
            continue
        ports = [p["port"] for p in part.get("ports") or () if p.get("name", "") == wanted]
        ready = [e for e in part.get("endpoints") or () if (e.get("conditions") or {}).get("ready")]
        if ports and ready:
            return Backend(scheme, chance.choice(ready)["addresses"][0], ports[0])
    raise _unavailable(f'no endpoints available for service "{metadata["name"]}"')


def _service_port(service: Obj, port: str) -> str:
    """The name of the Service port meant by a name, a number, or nothing where there is only one."""
    ports = service["spec"].get("ports") or []
    found = [p for p in ports if port in (p.get("name", ""), str(p["port"]))] if port else ports
    if len(found) != 1:
        raise _unavailable(f'no service port "{port}" found for service "{service["metadata"]["name"]}"')
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
        case aiohttp.ServerDisconnectedError():
            return "EOF"
        case TimeoutError():
            return f"{dial}: i/o timeout"
        case aiohttp.ClientConnectorError(os_error=os_error) | (OSError() as os_error):
            # The event loop words it its own way; the number is the kernel's.
            return f"{dial}: connect: {os.strerror(os_error.errno or 0).lower()}"
    return str(error)
