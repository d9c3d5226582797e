"""A PATCH, whichever of its kinds, as an edit."""

from collections.abc import Callable
from dataclasses import dataclass

from cluster.api.bodies import parse_data
from cluster.api.patch_merge import merge_patch
from cluster.api.resource import Resource
from cluster.api.verbs import Edit
from cluster.client import ApiError, BadRequest, Obj


@dataclass(frozen=True, slots=True)
class Patch:
    """`creates`: whether an object that is not there is made of the patch (server-side apply)."""

    edit: Edit
    creates: bool = False


def parse_patch(resource: Resource, body: bytes, media: str) -> Patch:
    """Raises `BadRequest` for a patch that is none, 415 for a kind of patch that is not known."""
    make = _KINDS.get(media)
    if make is None:
        accepted = ", ".join(_KINDS)
        message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
        raise ApiError(message, code=415, reason="UnsupportedMediaType")
    return make(resource, body)


def _merge(_resource: Resource, body: bytes) -> Patch:
    patch = _object(body)
    return Patch(lambda obj: merge_patch(obj, patch))


def _object(body: bytes) -> Obj:
    patch = parse_data(body, "application/json")
    if not isinstance(patch, dict):
        raise BadRequest(f"error decoding patch: expected an object, found {type(patch).__name__}")
    return patch


_KINDS: dict[str, Callable[[Resource, bytes], Patch]] = {
    "application/merge-patch+json": _merge,
}
