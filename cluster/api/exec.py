"""pods/exec and pods/attach over WebSocket: the v5 and v4 channel protocols (KEP-4006).

Each message begins with a byte that names its channel: 0 standard input, 1 output, 2 errors, 3 how it ended, 4 the
terminal's size; in v5, 255 closes the channel named by the next byte.
"""

import asyncio
from collections.abc import Callable

import orjson
from aiohttp import WSMsgType, web

from cluster.api.errors import status
from cluster.api.requests import Target, is_true
from cluster.client import ApiError, BadRequest, NotFound, Obj
from cluster.nodeservice import ExecFailed, ExecSession, NodeService

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDIN, _STATUS, _RESIZE, _CLOSE = 0, 3, 4, 255
_MESSAGE_BYTES = 4 * 1024 * 1024


async def serve_exec(request: web.BaseRequest, node: NodeService, target: Target, container: str) -> web.StreamResponse:
    """Run a command until it ends or its caller goes."""
    query = request.query
    command = query.getall("command", [])
    if not command:
        raise BadRequest("you must specify at least 1 command for exec")
    stdin, tty = is_true(query.get("stdin")), is_true(query.get("tty"))
    socket = web.WebSocketResponse(protocols=PROTOCOLS, max_msg_size=_MESSAGE_BYTES)
    try:
        session = await node.exec(target.namespace, target.name, container, command, stdin=stdin, tty=tty)
    except ExecFailed as failed:
        return await _tell_failure(request, socket, str(failed))
    try:
        await socket.prepare(request)
        await _run(socket, session, ending)
    finally:
        await session.kill()
    return socket


async def serve_attach(
    request: web.BaseRequest, node: NodeService, target: Target, container: str
) -> web.StreamResponse:
    """A container's own streams until it ends or the caller goes; how it ended is told by its status."""
    socket = web.WebSocketResponse(protocols=PROTOCOLS, max_msg_size=_MESSAGE_BYTES)
    try:
        session = await node.attach(target.namespace, target.name, container)
    except NotFound as gone:
        return await _tell_failure(request, socket, gone.message)
    try:
        await socket.prepare(request)
        await _run(socket, session, lambda _code: ending(0))
    finally:
        await session.kill()
    return socket


def ending(code: int) -> Obj:
    """The Status that tells how a command ended. Pure."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


async def _tell_failure(request: web.BaseRequest, socket: web.WebSocketResponse, why: str) -> web.StreamResponse:
    """A refused upgrade would make kubectl try another protocol; so this too is said on the channel for endings."""
    refused = status(ApiError(f"Internal error occurred: Internal error occurred: {why}"))
    await socket.prepare(request)
    await socket.send_bytes(bytes([_STATUS]) + orjson.dumps(refused))
    await socket.close()
    return socket


async def _run(socket: web.WebSocketResponse, session: ExecSession, end: Callable[[int], Obj]) -> None:
    feeding = asyncio.create_task(_feed(socket, session))
    telling = asyncio.create_task(_tell(socket, session, end))
    try:
        # Whoever comes first: the end of the command, or of the caller.
        await asyncio.wait({feeding, telling}, return_when=asyncio.FIRST_COMPLETED)
        if telling.done():
            telling.result()
    finally:
        feeding.cancel()
        telling.cancel()
    await socket.close()


async def _tell(socket: web.WebSocketResponse, session: ExecSession, end: Callable[[int], Obj]) -> None:
    async for channel, data in session.output():
        await socket.send_bytes(bytes([channel]) + data)
    await socket.send_bytes(bytes([_STATUS]) + orjson.dumps(end(await session.exit_code())))


async def _feed(socket: web.WebSocketResponse, session: ExecSession) -> None:
    async for message in socket:
        data = message.data.encode() if message.type is WSMsgType.TEXT else message.data
        if not isinstance(data, bytes) or not data:
            continue
        if data[0] == _STDIN and len(data) > 1:
            await session.write_stdin(data[1:])
        elif data[0] == _RESIZE:
            await _resize(session, data[1:])
        elif data[:2] == bytes([_CLOSE, _STDIN]):
            await session.write_stdin(b"")


async def _resize(session: ExecSession, data: bytes) -> None:
    try:
        size = orjson.loads(data)
        columns, rows = int(size["Width"]), int(size["Height"])
    except (ValueError, KeyError, TypeError):
        return
    await session.resize(columns, rows)
