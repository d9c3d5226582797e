"""Every path that is no resource: health, version, discovery, OpenAPI."""

from collections.abc import Callable
from itertools import zip_longest

import orjson

from cluster.api import discovery
from cluster.api.answers import negotiate
from cluster.api.errors import NoPage, no_route
from cluster.api.openapi import Published, publish
from cluster.api.resource import Resource
from cluster.client import Obj

VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.2+seawall",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}
"""What this API speaks: the version whose recordings it is measured against."""
HEALTH = frozenset({"/healthz", "/livez", "/readyz"})
_CHECKS = ("ping", "log", "etcd")
_AGGREGATED = "APIGroupDiscoveryList"
_OPENAPI = "/openapi/v3"
_OPENAPI_2 = "/openapi/v2"
# Nothing but its version: kubectl looks here for a kind that is in no document of v3, and must not find an error.
_EMPTY = {"swagger": "2.0", "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]}, "paths": {}}
_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_EMPTY_PROTOBUF = b"\x0a\x032.0"


class Paths:
    """The documents of one API server, each made when it is first asked for."""

    def __init__(self, served: Callable[[], tuple[Resource, ...]], address: str) -> None:
        self._served = served
        self._address = address
        # Of the kinds that were served when it was last asked for; kinds are the same objects until they change.
        self._documents: tuple[tuple[Resource, ...], Published] | None = None

    @property
    def resources(self) -> tuple[Resource, ...]:
        return self._served()

    @property
    def _published(self) -> Published:
        resources = self.resources
        if self._documents is None or any(a is not b for a, b in zip_longest(self._documents[0], resources)):
            self._documents = resources, publish(resources)
        return self._documents[1]

    def document(self, path: str, accept: str = "") -> tuple[bytes, str]:
        """Body and content type. Raises a 404 where there is nothing."""
        if path == _OPENAPI or path.startswith(f"{_OPENAPI}/"):
            return self._openapi(path.removeprefix(_OPENAPI).strip("/")), "application/json"
        if path == _OPENAPI_2:
            return _empty(accept)
        if negotiate(accept).shape == _AGGREGATED and path in ("/api", "/apis"):
            found = discovery.aggregated(self.resources, core=path == "/api")
            return orjson.dumps(found), "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        document = self._discovery(path.strip("/").split("/"))
        if document is None:
            raise no_route() if any(path.startswith(f"{group}/") for group in self._groups()) else NoPage()
        return orjson.dumps(document), "application/json"

    def _openapi(self, path: str) -> bytes:
        if not path:
            return self._published.index
        found = self._published.documents.get(path)
        if found is None:
            raise NoPage()
        return found

    def _discovery(self, parts: list[str]) -> Obj | None:
        match parts:
            case [""]:
                return {"paths": self._paths()}
            case ["version"]:
                return VERSION
            case ["api"]:
                return discovery.api_versions(self._address)
            case ["apis"]:
                return discovery.group_list(self.resources)
            case ["api", version]:
                return discovery.resource_list(self.resources, "", version)
            case ["apis", group]:
                return discovery.group(self.resources, group)
            case ["apis", group, version]:
                return discovery.resource_list(self.resources, group, version)
        return None

    def _paths(self) -> list[str]:
        return sorted({"/api", "/apis", _OPENAPI, "/version", *HEALTH, *self._served_groups()})

    def _groups(self) -> set[str]:
        return {f"/apis/{r.group}" if r.group else "/api" for r in self.resources}

    def _served_groups(self) -> set[str]:
        return {f"/apis/{r.api_version}" if r.group else f"/api/{r.version}" for r in self.resources}


def healthy(path: str, *, verbose: bool = False) -> str:
    """What a health endpoint, or one check of it as in /livez/ping, says; "" where `path` is neither."""
    endpoint, _, check = path.strip("/").partition("/")
    if f"/{endpoint}" not in HEALTH or (check and check not in _CHECKS):
        return ""
    if check or not verbose:
        return "ok"
    return "".join(f"[+]{name} ok\n" for name in _CHECKS) + f"{endpoint} check passed\n"


def _empty(accept: str) -> tuple[bytes, str]:
    if _PROTOBUF not in accept:
        return orjson.dumps(_EMPTY), "application/json"
    # No media type may have an @, even if one is asked for by it.
    return _EMPTY_PROTOBUF, _PROTOBUF.replace("@", ".")
