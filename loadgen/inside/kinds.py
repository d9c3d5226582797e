"""Why a request failed, in a word that means the same for every HTTP client.

Clients wrap the system's errors in their own, several deep; the kind is that of the first error in the chain that says
something. Their classes are known by name, so nothing of theirs is imported here.
"""

import errno
import socket
import ssl
from collections.abc import Iterator

_BY_ERRNO = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.ECONNABORTED: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EADDRNOTAVAIL: "no-local-port",
    errno.EMFILE: "no-file",
}
_BY_NAME = {
    "CatchResponseError": "check",
    "ConnectTimeout": "timeout",
    "HTTPConnectionClosed": "reset",
    "IncompleteRead": "reset",
    "NameResolutionError": "dns",
    "ReadTimeout": "timeout",
    "RemoteDisconnected": "reset",
    "ResponseError": "check",
    "TimedOut": "timeout",
}


def kind(error: BaseException | str, status: int = 0) -> str:
    """`timeout`, `refused`, `reset`, `dns`, `tls`, `http-503`, `check` (the user's own) …; else the error's class."""
    if not isinstance(error, BaseException):
        return "check"
    told = next((name for link in _chain(error) if (name := _name(link))), "")
    if told:
        return told
    return f"http-{status}" if status >= 400 else type(error).__name__


def _name(error: BaseException) -> str:
    if name := next((_BY_NAME[c.__name__] for c in type(error).__mro__ if c.__name__ in _BY_NAME), ""):
        return name
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, socket.gaierror):
        return "dns"
    if isinstance(error, ssl.SSLError):
        return "tls"
    return _BY_ERRNO.get(error.errno or 0, "") if isinstance(error, OSError) else ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, then what it wraps: as argument, cause or context."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        link = waiting.pop(0)
        if id(link) not in seen:
            seen.add(id(link))
            yield link
            inner = [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]
            waiting += [e for e in inner if isinstance(e, BaseException)]
