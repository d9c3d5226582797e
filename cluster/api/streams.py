"""pods/log, pods/exec, pods/attach, pods/portforward and nodes/proxy: what the API server passes between a client and a
node.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from functools import partial

from aiohttp import web

from cluster.api.exec import no_streams, serve_attach, serve_exec
from cluster.api.portforward import serve_portforward
from cluster.api.requests import Target, is_true
from cluster.client import ApiError, BadRequest, NotFound, NotImplementedHere, Obj
from cluster.nodeservice import LogOptions, NodeService
from cluster.store import Store
from cluster.timestamps import parse_time

_KUBELET_PORT = 10250
# A node that refuses does so at once; one that has nothing to say yet should not keep the headers waiting.
_FIRST_WORD_SECONDS = 0.2


class Streams:
    def __init__(self, store: Store, node_services: Mapping[str, NodeService]) -> None:
        self._store = store
        self._node_services = node_services

    async def log(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        """The log of one container, as it grows if the query asks to follow. Errors are the kubelet's own."""
        pod = self._pod(target)
        options = log_options(request.query, container_of(pod, request.query.get("container", ""), "log"))
        if not pod["spec"].get("nodeName"):
            return web.Response(content_type="text/plain")
        lines = self._node(pod, "containerLogs").logs(target.namespace, target.name, options)
        return await _stream(request, lines)

    async def connect(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        """Commands and ports, over WebSocket."""
        pod = self._pod(target)
        forward = target.subresource == "portforward"
        container = "" if forward else container_of(pod, request.query.get("container", ""), "exec")
        wanted = request.headers.get("Upgrade", "").lower()
        if "websocket" not in wanted:
            if "spdy" in wanted and not forward and not runs(pod, container):
                return no_streams(_gone(pod, container, target.subresource))
            raise BadRequest("Upgrade request required")
        if forward:
            dial = partial(self._node(pod, "portForward").dial, target.namespace, target.name)
            return await serve_portforward(request, dial)
        if target.subresource == "attach":
            return await serve_attach(request, self._node(pod, "attach"), target, container)
        return await serve_exec(request, self._node(pod, "exec"), target, container)

    def kubelet(self, request: web.BaseRequest, target: Target) -> web.Response:
        """nodes/proxy: what the kubelet tells of itself."""
        if target.verb != "get":
            raise NotImplementedHere("of a kubelet's own API, only what is read is served here")
        if self._store.get("nodes", "", target.name) is None:
            raise NotFound(f'nodes "{target.name}" not found', kind="nodes", name=target.name)
        service = self._node_services.get(target.name)
        if service is None:
            message = f"error trying to reach service: node {target.name} has no power"
            raise ApiError(message, code=503, reason="ServiceUnavailable")
        path = request.path.partition("/proxy")[2].strip("/")
        return web.json_response(service.ask(path))

    def _pod(self, target: Target) -> Obj:
        entry = self._store.get("pods", target.namespace, target.name)
        if entry is None:
            raise NotFound(f'pods "{target.name}" not found', kind="pods", name=target.name)
        return entry.object

    def _node(self, pod: Obj, what: str) -> NodeService:
        name = pod["spec"].get("nodeName")
        if not name:
            raise BadRequest(f"pod {pod['metadata']['name']} does not have a host assigned")
        service = self._node_services.get(name)
        if service is None:
            address = (pod.get("status") or {}).get("hostIP", name)
            where = f'Get "https://{address}:{_KUBELET_PORT}/{what}": dial tcp {address}:{_KUBELET_PORT}'
            raise ApiError(f"{where}: connect: no route to host")
        return service


def runs(pod: Obj, container: str) -> bool:
    """Whether a container runs, as far as its pod's status knows. Pure."""
    status = pod.get("status") or {}
    kinds = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    found = (entry for kind in kinds for entry in status.get(kind) or () if entry["name"] == container)
    return any("running" in (entry.get("state") or {}) for entry in found)


def _gone(pod: Obj, container: str, subresource: str) -> str:
    if subresource == "attach":
        return f"container {container} not found in pod {pod['metadata']['name']}_{pod['metadata']['namespace']}"
    return f'container not found ("{container}")'


def container_of(pod: Obj, asked: str, what: str) -> str:
    """The container meant. Raises `BadRequest` where it is not clear, in the real server's words."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    plain = [c["name"] for c in spec["containers"]]
    init = [c["name"] for c in spec.get("initContainers") or ()]
    ephemeral = [c["name"] for c in spec.get("ephemeralContainers") or ()]
    if asked:
        if asked not in plain + init + ephemeral:
            raise BadRequest(f"container {asked} is not valid for pod {name}")
        return asked
    if len(plain) == 1:
        return str(plain[0])
    choice = f"choose one of: [{' '.join(plain)}]"
    if init:
        choice += f" or one of the init containers: [{' '.join(init)}]"
    if what == "exec":
        return str(plain[0])
    raise BadRequest(f"a container name must be specified for pod {name}, {choice}")


def log_options(query: Mapping[str, str], container: str) -> LogOptions:
    """Raises `BadRequest` naming the parameter that cannot be read."""
    return LogOptions(
        container=container,
        follow=is_true(query.get("follow")),
        previous=is_true(query.get("previous")),
        timestamps=is_true(query.get("timestamps")),
        tail_lines=_number(query, "tailLines"),
        limit_bytes=_number(query, "limitBytes"),
        since_seconds=_number(query, "sinceSeconds"),
        since=_time(query, "sinceTime"),
    )


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise BadRequest(f'PodLogOptions is invalid: {name}: Invalid value: "{text}": must be a whole number')
    return int(text)


def _time(query: Mapping[str, str], name: str) -> float | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        return parse_time(text)
    except ValueError:
        raise BadRequest(f'PodLogOptions is invalid: {name}: Invalid value: "{text}": must be a time') from None


async def _stream(request: web.BaseRequest, lines: AsyncIterator[bytes]) -> web.StreamResponse:
    first = asyncio.ensure_future(anext(lines, b""))
    try:
        await asyncio.wait({first}, timeout=_FIRST_WORD_SECONDS)
        if first.done():
            first.result()
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(await first)
        async for line in lines:
            await response.write(line)
        await response.write_eof()
    finally:
        first.cancel()
    return response
