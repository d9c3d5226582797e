"""The seam through which controllers, scheduler and kubelets meet: the Kubernetes API, called in-process.

The same verbs, checks and errors as over HTTPS, without the bytes. Calls are synchronous because the store
is in memory: between two awaits, nobody else moves.

Objects are Kubernetes JSON as plain dicts. What `get`, `list` and `watch` return is a shared snapshot and
must never be changed in place; `copy.deepcopy` what you mean to change.

Resources are named the way Kubernetes spells a group resource: "pods", "deployments.apps",
"endpointslices.discovery.k8s.io".
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Obj = dict[str, Any]
EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One change. `old` is the object before it, where the watcher could see it; never sent over the wire."""

    type: EventType
    object: Obj
    old: Obj | None = None


class Client(Protocol):
    """What a component of the control plane may do. Every method raises `ApiError`."""

    def get(self, resource: str, name: str, namespace: str = "", *, subresource: str = "") -> Obj: ...

    def list(self, resource: str, namespace: str | None = None, *, labels: str = "", fields: str = "") -> list[Obj]:
        """All objects, in every namespace when `namespace` is None; selectors in kubectl's syntax."""
        ...

    def create(self, resource: str, obj: Obj, namespace: str = "", *, subresource: str = "", name: str = "") -> Obj:
        """Create an object, or POST to a subresource of one (pods/binding, pods/eviction) named by `name`."""
        ...

    def update(self, resource: str, obj: Obj, *, subresource: str = "") -> Obj:
        """Replace; with metadata.resourceVersion set, only if nobody wrote since (else `Conflict`)."""
        ...

    def patch(self, resource: str, name: str, namespace: str, patch: Obj, *, subresource: str = "") -> Obj:
        """Apply a JSON merge patch (RFC 7386)."""
        ...

    def delete(
        self,
        resource: str,
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        grace_seconds: int | None = None,
        propagation: str = "",
    ) -> None:
        """Delete, gracefully where that is the kind's way. `propagation` "" leaves the dependents to what finalizers
        the object has, else to the background."""
        ...

    def watch(
        self, resource: str, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> AsyncIterator[WatchEvent]:
        """What exists now as ADDED, then every change, for ever. Never skips; a slow reader only grows a queue."""
        ...


@dataclass(frozen=True, slots=True)
class StatusCause:
    """One entry of Status.details.causes."""

    reason: str
    message: str
    field: str = ""


@dataclass(eq=False)
class ApiError(Exception):
    """A refusal by the API, rendered as `kind: Status` in one place. `message` is Kubernetes' own wording."""

    message: str
    code: int = 500
    reason: str = "InternalError"
    group: str = ""
    kind: str = ""
    name: str = ""
    causes: tuple[StatusCause, ...] = field(default=())
    retry_after_seconds: int = 0

    def __str__(self) -> str:
        return self.message


@dataclass(eq=False)
class NotFound(ApiError):
    code: int = 404
    reason: str = "NotFound"


@dataclass(eq=False)
class AlreadyExists(ApiError):
    code: int = 409
    reason: str = "AlreadyExists"


@dataclass(eq=False)
class Conflict(ApiError):
    code: int = 409
    reason: str = "Conflict"


@dataclass(eq=False)
class Invalid(ApiError):
    code: int = 422
    reason: str = "Invalid"


@dataclass(eq=False)
class BadRequest(ApiError):
    code: int = 400
    reason: str = "BadRequest"


@dataclass(eq=False)
class Forbidden(ApiError):
    code: int = 403
    reason: str = "Forbidden"


@dataclass(eq=False)
class Unauthorized(ApiError):
    code: int = 401
    reason: str = "Unauthorized"


@dataclass(eq=False)
class Gone(ApiError):
    code: int = 410
    reason: str = "Expired"


@dataclass(eq=False)
class TooManyRequests(ApiError):
    code: int = 429
    reason: str = "TooManyRequests"


@dataclass(eq=False)
class NotImplementedHere(ApiError):
    """Something real Kubernetes does and this cluster does not: refused by name, never ignored."""

    code: int = 501
    reason: str = "NotImplemented"
