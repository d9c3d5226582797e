"""A PATCH, whichever of its kinds, as an edit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cluster.api.apply import apply
from cluster.api.bodies import media_type, parse_data
from cluster.api.decode import decode
from cluster.api.field_errors import required, wrong_options
from cluster.api.patch_json import json_patch
from cluster.api.patch_merge import merge_patch
from cluster.api.patch_strategic import strategic_merge
from cluster.api.requests import is_true
from cluster.api.resource import Resource
from cluster.api.schema import Type, lookup
from cluster.api.verbs import Edit
from cluster.client import ApiError, BadRequest, Obj

APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Patch:
    """`is_apply`: it keeps its own account of managedFields, and makes the object that is not there from {}."""

    edit: Edit
    is_apply: bool = False
    problems: tuple[str, ...] = ()
    """Unknown fields that were left out already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A patch as it came: what it is for, its body, and what the query says."""

    resource: Resource
    subresource: str
    body: bytes
    query: Mapping[str, str]
    now: float

    @property
    def type(self) -> Type:
        return lookup("autoscaling_v1.Scale") if self.subresource == "scale" else self.resource.type


def parse_patch(sent: Sent, content_type: str) -> Patch:
    """Raises `BadRequest` for a patch that is none, 415 for a kind of patch that is not known."""
    known = {media: make for media, make in _KINDS.items() if make is not _strategic or not sent.resource.custom}
    make = known.get(media_type(content_type))
    if make is None:
        accepted = ", ".join(known)
        message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
        raise ApiError(message, code=415, reason="UnsupportedMediaType")
    return make(sent)


def _json(sent: Sent) -> Patch:
    operations = parse_data(sent.body, "application/json")
    return Patch(lambda obj: _still_an_object(json_patch(obj, operations)))


def _merge(sent: Sent) -> Patch:
    patch = _object(parse_data(sent.body, "application/json"))
    return Patch(lambda obj: _still_an_object(merge_patch(obj, patch)))


def _strategic(sent: Sent) -> Patch:
    patch = _object(parse_data(sent.body, "application/json"))
    return Patch(lambda obj: strategic_merge(obj, patch, sent.type))


def _apply(sent: Sent) -> Patch:
    manager = sent.query.get("fieldManager", "")
    if not manager:
        raise wrong_options("PatchOptions", required("fieldManager", "is required for apply patch"))
    if sent.subresource == "scale":
        raise BadRequest("apply is not supported on the scale subresource here: use a merge patch")
    applied, problems = decode(sent.resource, _object(parse_data(sent.body, APPLY)))
    force = is_true(sent.query.get("force"))

    def edit(obj: Obj) -> Obj:
        return apply(
            obj, applied, sent.resource, manager=manager, force=force, now=sent.now, subresource=sent.subresource
        )

    return Patch(edit, is_apply=True, problems=tuple(problems))


def _object(patch: object) -> Obj:
    if not isinstance(patch, dict):
        raise BadRequest(f"error decoding patch: expected an object, found {type(patch).__name__}")
    return patch


def _still_an_object(patched: object) -> Obj:
    if not isinstance(patched, dict):
        raise BadRequest("the patch makes the object something else")
    return patched


_KINDS: dict[str, Callable[[Sent], Patch]] = {
    "application/json-patch+json": _json,
    "application/merge-patch+json": _merge,
    "application/strategic-merge-patch+json": _strategic,
    APPLY: _apply,
}
