"""URLs: absolute ones, and paths from the root."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from cluster.api.custom.cel.problems import EvaluationError

_FAILED = "URL parse error during conversion from string: parse "
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_CONTROL, _ESCAPE = re.compile(r"[\x00-\x1f\x7f]"), re.compile(r"%(?![0-9a-fA-F]{2})")
_HOST_FORBIDDEN = re.compile(r'[ "<>\\^`{|}]')
_PATH_SAFE = "/!$&'()*+,;=:@-._~%[]"


def _url(text: str) -> SplitResult:
    if why := wrong_url(text):
        raise EvaluationError(f'{_FAILED}"{text}": {why}')
    return urlsplit(text)


def wrong_url(text: str) -> str:
    """What keeps it from being one; "" if nothing does."""
    if not text:
        return "empty url"
    if _CONTROL.search(text):
        return "net/url: invalid control character in URL"
    if text.startswith(":"):
        return "missing protocol scheme"
    if not text.startswith("/") and not _SCHEME.match(text):
        return "invalid URI for request"
    if escape := _ESCAPE.search(text.partition("?")[0]):
        return f'invalid URL escape "{text[escape.start() : escape.start() + 3]}"'
    return _wrong_host(text)


def _wrong_host(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        return "missing ']' in host"
    host = parts.netloc.rpartition("@")[2]
    if wrong := _HOST_FORBIDDEN.search(host):
        return f'invalid character "{wrong[0]}" in host name'
    _, colon, port = host.rpartition("]")[2].rpartition(":")
    return f'invalid port ":{port}" after host' if colon and port and not port.isdecimal() else ""


def _is_url(text: str) -> bool:
    return not wrong_url(text)


def _host(url: SplitResult) -> str:
    return url.netloc.rpartition("@")[2]


def _host_name(url: SplitResult) -> str:
    host = _host(url)
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _port(url: SplitResult) -> str:
    return _host(url).rpartition("]")[2].partition(":")[2]


URLS: dict[str, Callable[..., Any]] = {
    "url(string) kubernetes.URL": _url,
    "isURL(string) bool": _is_url,
    "kubernetes.URL . getScheme() string": lambda url: url.scheme,
    "kubernetes.URL . getHost() string": _host,
    "kubernetes.URL . getHostname() string": _host_name,
    "kubernetes.URL . getPort() string": _port,
    "kubernetes.URL . getEscapedPath() string": lambda url: quote(url.path, safe=_PATH_SAFE),
    "kubernetes.URL . getQuery() map(string, list(string))": lambda url: parse_qs(url.query, keep_blank_values=True),
}
