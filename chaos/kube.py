"""The one thin layer over the kubernetes client: paths in, plain Kubernetes JSON out, errors by what to do about them.

`Unreachable` may pass and is retried here for calls that are safe to repeat; `Refused` is the cluster's answer and is
not. Everything is bounded by a time-out.
"""

import json
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import urllib3
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential_jitter
from yaml import YAMLError

from loadgen.units import Duration

if TYPE_CHECKING:
    from kubernetes import client

Obj = dict[str, Any]
REQUEST_TIMEOUT = Duration(10)
RETRY_FOR = Duration(15)


class KubeError(Exception):
    """Any failure of a call to the cluster."""


class NoCluster(KubeError):
    """There is no cluster to talk to: no kubeconfig, no such context. Not retryable."""


class Unreachable(KubeError):
    """The API server gave no answer, or one that asks to come back later. Retryable."""


class TimedOut(Unreachable):
    """The connection stood, and no answer came in time."""


@dataclass(eq=False)
class Refused(KubeError):
    """The API server answered no. Not retryable."""

    code: int
    reason: str
    message: str
    causes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.message} (HTTP {self.code} {self.reason})"


class Kube:
    """One cluster, as one kubeconfig context sees it. Safe to use from several threads."""

    def __init__(self, api: "client.ApiClient", context: str) -> None:
        self._api = api
        self.context = context
        self._resources: dict[str, dict[str, Obj]] = {}
        self._streams: set[urllib3.BaseHTTPResponse] = set()
        self._lost = ""
        self._lock = threading.Lock()

    @property
    def server(self) -> str:
        """The API server's URL."""
        return str(self._api.configuration.host)

    @property
    def configuration(self) -> "client.Configuration":
        """How the cluster is reached, for the client's own web sockets."""
        configuration: client.Configuration = self._api.configuration
        return configuration

    def credentials(self) -> dict[str, str]:
        """The headers that say who we are; empty with a client certificate."""
        headers: dict[str, str] = {}
        self._api.update_params_for_auth(headers, [], ["BearerToken"], "", "GET", None)
        return headers

    def path(self, api_version: str, kind: str, namespace: str = "", name: str = "") -> str:
        """The path of an object, or of its collection without a name, as the cluster's own discovery gives it.

        Raises `Refused` with 404 when the cluster does not know the kind.
        """
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        resource = self._discover(root).get(kind)
        if resource is None:
            raise Refused(404, "NotFound", f"the cluster knows no {kind} in {api_version}")
        where = f"/namespaces/{quote(namespace)}" if resource["namespaced"] and namespace else ""
        return f"{root}{where}/{resource['name']}" + (f"/{quote(name)}" if name else "")

    def is_namespaced(self, api_version: str, kind: str) -> bool:
        self.path(api_version, kind)
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        return bool(self._resources[root][kind]["namespaced"])

    def _discover(self, root: str) -> dict[str, Obj]:
        with self._lock:
            if root not in self._resources:
                found = self.get(root)["resources"]
                self._resources[root] = {r["kind"]: r for r in found if "/" not in r["name"]}
            return self._resources[root]

    def give_up(self, why: str) -> None:
        """The cluster is known to be gone: every call from now on fails at once, those that wait to be retried too."""
        self._lost = why
        self.hang_up()

    def as_bearer(self, token: str) -> "Kube":
        """The same cluster as the holder of a token sees it, and nobody else: no certificate of ours goes along."""
        from kubernetes import client

        ours = self._api.configuration
        theirs = client.Configuration(host=ours.host, ssl_ca_cert=ours.ssl_ca_cert)
        for setting in ("verify_ssl", "assert_hostname", "tls_server_name", "proxy", "no_proxy", "proxy_headers"):
            setattr(theirs, setting, getattr(ours, setting))
        theirs.api_key = {"authorization": f"Bearer {token}"}
        return Kube(client.ApiClient(theirs), self.context)

    def hang_up(self) -> None:
        """End every streamed answer now, so that no thread waits for a watch that nobody needs."""
        for response in list(self._streams):
            with suppress(OSError, AttributeError):
                response.connection.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]  # None once closed

    def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout: Duration = REQUEST_TIMEOUT,
        headers: dict[str, str] | None = None,
    ) -> bytes:
        """One call, not retried. Raises `Unreachable` or `Refused`."""
        with self._open(
            method,
            path,
            query=query,
            body=body,
            content_type=content_type,
            accept=accept,
            timeout=(timeout.seconds, timeout.seconds),
            more=headers or {},
        ) as response:
            return bytes(response.data)

    def json(self, method: str, path: str, **keys: Any) -> Obj:
        """`request`, the answer parsed."""
        answer: Obj = json.loads(self.request(method, path, **keys))
        return answer

    @retry(
        retry=retry_if_exception_type(Unreachable),
        wait=wait_exponential_jitter(multiplier=0.1, max=2),
        stop=stop_after_delay(RETRY_FOR.seconds),
        reraise=True,
    )
    def get(self, path: str, **query: Any) -> Obj:
        """Read; retried while the cluster is unreachable."""
        return self.json("GET", path, query=query)

    def list(self, path: str, **query: Any) -> list[Obj]:
        """The items of a collection, with the kind that lists leave out."""
        answer = self.get(path, **query)
        kind, version = answer["kind"].removesuffix("List"), answer["apiVersion"]
        return [{"kind": kind, "apiVersion": version, **item} for item in answer["items"]]

    def create(self, obj: Obj, namespace: str = "") -> Obj:
        """POST to the collection the object belongs to."""
        return self.json("POST", self.path(obj["apiVersion"], obj["kind"], namespace), body=obj)

    def merge(self, path: str, patch: Obj) -> Obj:
        """JSON merge patch; repeating it changes nothing, so it is retried."""
        return self._retried("PATCH", path, body=patch, content_type="application/merge-patch+json")

    def delete(self, path: str, *, uid: str = "", grace: Duration | None = None) -> bool:
        """Delete; False when it was gone already. With `uid`, only that very object."""
        options: Obj = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace is not None:
            options["gracePeriodSeconds"] = int(grace.seconds)
        try:
            self._retried("DELETE", path, body=options)
        except Refused as refusal:
            if refusal.code == 404 or (uid and refusal.code == 409):
                return False
            raise
        return True

    @retry(
        retry=retry_if_exception_type(Unreachable),
        wait=wait_exponential_jitter(multiplier=0.1, max=2),
        stop=stop_after_delay(RETRY_FOR.seconds),
        reraise=True,
    )
    def _retried(self, method: str, path: str, **keys: Any) -> Obj:
        return self.json(method, path, **keys)

    def lines(self, path: str, query: dict[str, Any], read_timeout: Duration) -> Iterator[str]:
        """A streamed answer (a watch, a followed log) line by line."""
        with self._open("GET", path, query=query, timeout=(10.0, read_timeout.seconds)) as response:
            self._streams.add(response)
            try:
                yield from _lines(response.stream())
            finally:
                self._streams.discard(response)

    @contextmanager
    def _open(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None,
        timeout: tuple[float, float],
        body: Any = None,
        content_type: str = "",
        accept: str = "*/*",
        more: dict[str, str] | None = None,
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        if self._lost:
            raise NoCluster(self._lost)
        url = self.server + path + ("?" + urlencode(query, doseq=True) if query else "")
        headers = {"Accept": accept, **(more or {}), **({"Content-Type": content_type} if body is not None else {})}
        if not isinstance(body, str | bytes | None):
            body = json.dumps(body)
        self._api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        with _told(self.server, method, path, timeout[1]):
            response = self._api.rest_client.pool_manager.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(connect=timeout[0], read=timeout[1]),
                retries=False,
                preload_content=False,
            )
        try:
            with _told(self.server, method, path, timeout[1]):
                if response.status >= 400:
                    raise _refusal(response.status, response.data)
                yield response
        finally:
            response.close()
            response.release_conn()


@contextmanager
def _told(server: str, method: str, path: str, patience: float) -> Iterator[None]:
    """The HTTP library's errors as ours."""
    try:
        yield
    except urllib3.exceptions.ReadTimeoutError as error:
        raise TimedOut(f"no answer to {method} {path} within {patience} s") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Unreachable(f"{server} gave no whole answer to {method} {path}: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    """The system's own words, out of the wrappings of the HTTP library."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    inner = getattr(error, "reason", None) or error.__cause__ or error.__context__
    return _cause(inner) if isinstance(inner, BaseException) else str(error)


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")


def _refusal(code: int, data: bytes) -> KubeError:
    status: Obj = {}
    with suppress(ValueError):
        status = json.loads(data)
    if not isinstance(status, dict) or status.get("kind") != "Status":
        status = {"message": data[:300].decode(errors="replace"), "reason": ""}
    causes = tuple(c.get("reason", "") for c in (status.get("details") or {}).get("causes", ()))
    refused = Refused(code, status.get("reason", ""), status.get("message", ""), causes)
    if code in {429, 500, 502, 503, 504} and "DisruptionBudget" not in causes:
        error = Unreachable(f"the API server cannot serve this now: {refused}")
        error.__cause__ = refused
        return error
    return refused


def connect(context: str = "", kubeconfig: str = "") -> Kube:
    """The cluster of a kubeconfig context (the current one when empty). Raises `NoCluster`; contacts nobody."""
    from kubernetes import config

    try:
        contexts, current = config.list_kube_config_contexts(kubeconfig or None)
        name = context or current["name"]
        if name not in {c["name"] for c in contexts}:
            known = ", ".join(sorted(c["name"] for c in contexts))
            raise NoCluster(f"no context {name!r} in the kubeconfig; it has: {known}")
        api = config.new_client_from_config(kubeconfig or None, name, persist_config=False)
    except (config.ConfigException, YAMLError, OSError, TypeError) as error:
        hint = "name another with the environment variable KUBECONFIG, or leave out --context for the embedded cluster"
        raise NoCluster(f"the kubeconfig cannot be used: {error} ({hint})") from error
    api.rest_client.pool_manager.connection_pool_kw["maxsize"] = 32
    return Kube(api, name)
