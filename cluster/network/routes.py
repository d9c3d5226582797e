"""Where an HTTP request goes by the Ingresses there are, purely; semantics: the page "Ingress".

An exact host goes before a wildcard, which stands for one label, and both before rules without a host. Among the paths
of a host an exact one goes first, then the longest, default backends last. ImplementationSpecific is Prefix here. Where
two Ingresses claim the same, the older one has it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cluster.client import Obj
from cluster.ingress import FORCE_REDIRECT, REDIRECT, class_of
from cluster.network.facts import Key, key_of
from cluster.objects import annotations_of


@dataclass(frozen=True, slots=True)
class Backend:
    """A Service and its port, by name or number."""

    service: Key
    port: str | int


@dataclass(frozen=True, slots=True)
class Route:
    host: str
    path: str
    exact: bool
    backend: Backend
    redirects: bool
    """Whether plain HTTP is sent to HTTPS where the host has TLS."""
    forces: bool = False
    """Whether it is in any case."""

    def takes(self, path: str) -> bool:
        if self.exact:
            return path == self.path
        wanted = self.path.rstrip("/")
        return path == wanted or path.startswith(f"{wanted}/")


@dataclass(frozen=True, slots=True)
class Ingress:
    key: Key
    created: str
    class_name: str
    routes: tuple[Route, ...]
    secrets: tuple[tuple[str, Key | None], ...]
    """Host to the Secret with its certificate; None for the controller's own."""


@dataclass(frozen=True, slots=True)
class Table:
    """All routes by host, "" for any; and the hosts with TLS."""

    routes: Mapping[str, tuple[Route, ...]]
    secrets: Mapping[str, Key | None]

    def find(self, host: str, path: str) -> Route | None:
        hosts = (name for name in _names_of(host) if name in self.routes)
        found = (route for name in hosts for route in self.routes[name] if route.takes(path))
        return next(found, None)

    def secret(self, host: str) -> Key | None:
        return next((self.secrets[name] for name in _names_of(host) if name in self.secrets), None)

    def has_tls(self, host: str) -> bool:
        return any(name in self.secrets for name in _names_of(host))


def ingress(obj: Obj) -> Ingress:
    return Ingress(
        key=key_of(obj),
        created=obj["metadata"]["creationTimestamp"],
        class_name=class_of(obj),
        routes=tuple(_routes(obj)),
        secrets=tuple(_secrets(obj)),
    )


def table(ingresses: Iterable[Ingress]) -> Table:
    """One table of all, the oldest first."""
    routes: dict[str, list[Route]] = {}
    secrets: dict[str, Key | None] = {}
    for one in sorted(ingresses, key=lambda i: (i.created, i.key)):
        for route in one.routes:
            routes.setdefault(route.host, []).append(route)
        for host, secret in one.secrets:
            secrets.setdefault(host, secret)
    return Table({host: tuple(sorted(those, key=_rank)) for host, those in routes.items()}, secrets)


def _rank(route: Route) -> tuple[bool, int]:
    return not route.exact, -len(route.path)


def _names_of(host: str) -> tuple[str, str, str]:
    return host, f"*.{host.partition('.')[2]}", ""


def _routes(obj: Obj) -> Iterator[Route]:
    spec, namespace, annotations = obj["spec"], obj["metadata"]["namespace"], annotations_of(obj)
    how = annotations.get(REDIRECT) != "false", annotations.get(FORCE_REDIRECT) == "true"
    default = spec.get("defaultBackend")
    for rule in spec.get("rules") or ():
        host = rule.get("host", "")
        for path in (rule.get("http") or {}).get("paths") or ():
            exact = path["pathType"] == "Exact"
            yield Route(host, path.get("path") or "/", exact, _backend(path["backend"], namespace), *how)
        if default and host:
            yield Route(host, "", False, _backend(default, namespace), *how)
    if default:
        yield Route("", "", False, _backend(default, namespace), *how)


def _backend(backend: Obj, namespace: str) -> Backend:
    service = backend["service"]
    port = service["port"]
    return Backend((namespace, service["name"]), port.get("name") or port["number"])


def _secrets(obj: Obj) -> Iterator[tuple[str, Key | None]]:
    namespace = obj["metadata"]["namespace"]
    ruled = [rule.get("host", "") for rule in obj["spec"].get("rules") or ()]
    for tls in obj["spec"].get("tls") or ():
        name = tls.get("secretName")
        for host in tls.get("hosts") or ruled or [""]:
            yield host, (namespace, name) if name else None
