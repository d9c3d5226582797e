"""Refusals, made in one place so that their wording is Kubernetes' own, and rendered as `kind: Status` in one place."""

from dataclasses import dataclass

from cluster.api.resource import Resource
from cluster.client import AlreadyExists, ApiError, Conflict, Forbidden, NotFound, Obj, StatusCause

_ALWAYS_DETAILED = (403, 404, 405, 415, 422)
MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def not_found(resource: Resource, name: str) -> NotFound:
    kind = "componentstatus" if resource.plural == "componentstatuses" else resource.plural
    message = f'{resource.key.replace(resource.plural, kind, 1)} "{name}" not found'
    return NotFound(message, group=resource.group, kind=kind, name=name)


@dataclass(eq=False)
class NoPage(ApiError):
    """A path that belongs to no API at all, which a server answers in plain text."""

    message: str = "404 page not found"
    code: int = 404
    reason: str = "NotFound"


@dataclass(eq=False)
class NoFormat(ApiError):
    """A body of a kind that is not read here."""

    code: int = 415
    reason: str = "UnsupportedMediaType"


def no_format(*accepted: str) -> NoFormat:
    known = ", ".join(accepted)
    return NoFormat(f"the body of the request was in an unknown format - accepted media types include: {known}")


def no_route() -> ApiError:
    """A path below an API that is served, to nothing it has: an unknown resource or subresource."""
    return ApiError("the server could not find the requested resource", code=404, reason="NotFound")


def not_allowed() -> ApiError:
    message = "the server does not allow this method on the requested resource"
    return ApiError(message, code=405, reason="MethodNotAllowed")


def already_exists(resource: Resource, name: str) -> AlreadyExists:
    message = f'{resource.key} "{name}" already exists'
    return AlreadyExists(message, group=resource.group, kind=resource.plural, name=name)


def conflict(resource: Resource, name: str, why: str = MODIFIED) -> Conflict:
    message = f'Operation cannot be fulfilled on {resource.key} "{name}": {why}'
    return Conflict(message, group=resource.group, kind=resource.plural, name=name)


def forbidden(resource: Resource, name: str, why: str, *causes: StatusCause) -> Forbidden:
    subject = f'{resource.key} "{name}"' if name else resource.key
    return Forbidden(
        f"{subject} is forbidden: {why}", group=resource.group, kind=resource.plural, name=name, causes=causes
    )


def status(error: ApiError) -> Obj:
    """The body of a refusal."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": error.message,
        **({"reason": error.reason} if error.reason else {}),
        **({"details": details} if (details := _details(error)) or _is_detailed(error) else {}),
        "code": error.code,
    }


def _is_detailed(error: ApiError) -> bool:
    return error.code in _ALWAYS_DETAILED and not isinstance(error, NoFormat)


def _details(error: ApiError) -> Obj:
    causes = [{k: v for k, v in _cause(cause).items() if v} for cause in error.causes]
    known = {
        "name": error.name,
        "group": error.group,
        "kind": error.kind,
        "causes": causes,
        "retryAfterSeconds": error.retry_after_seconds,
    }
    return {key: value for key, value in known.items() if value}


def _cause(cause: StatusCause) -> Obj:
    return {"reason": cause.reason, "message": cause.message, "field": cause.field}
