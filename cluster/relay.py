"""Passing HTTP on: what the API's proxy and the ingress have in common."""

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

_CHUNK_BYTES = 64 * 1024
# Of one connection alone (RFC 9110, 7.6.1).
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def is_upgrade(request: web.BaseRequest) -> bool:
    return "upgrade" in request.headers.get("Connection", "").lower()


def end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """The headers that a proxy passes on."""
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP)


def request_headers(request: web.BaseRequest) -> CIMultiDict[str]:
    headers = end_to_end(request.headers)
    # Who says how long the body is says so to the backend, too: not everybody takes chunks.
    if request.body_exists and request.content_length is not None:
        headers["Content-Length"] = str(request.content_length)
    return headers


async def pass_back(request: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """A backend's answer, as it comes. If it breaks off, so does what the client gets."""
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=end_to_end(answer.headers))
    await response.prepare(request)
    try:
        async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
            await response.write(chunk)
    except (aiohttp.ClientError, TimeoutError):
        if request.transport:
            request.transport.abort()
    else:
        await response.write_eof()
    return response
