"""A PATCH, whichever of its kinds, as an edit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from cluster.api.apply import apply
from cluster.api.bodies import media_type, parse_data, parse_patch_data
from cluster.api.decode import WrongType, decode
from cluster.api.errors import no_format
from cluster.api.field_errors import invalid, refuse, required, wrong_options
from cluster.api.go import go_kind, go_text
from cluster.api.patch_json import json_patch
from cluster.api.patch_merge import merge_patch
from cluster.api.patch_strategic import strategic_merge
from cluster.api.requests import is_true
from cluster.api.resource import Resource
from cluster.api.schema import Type, lookup
from cluster.api.typed import misfits
from cluster.api.verbs import Edit
from cluster.client import ApiError, BadRequest, Invalid, Obj

_GO_OBJECT = "map[string]interface {}"
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Patch:
    """`is_apply`: it keeps its own account of managedFields, and makes the object that is not there from {}."""

    edit: Edit
    is_apply: bool = False


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
    if make is None and sent.resource.custom:
        raise no_format(*known)
    if make is None:
        raise ApiError("415: Unsupported Media Type", code=415, reason="UnsupportedMediaType")
    return make(sent)


def _parsed(body: bytes) -> object:
    try:
        return parse_patch_data(body)
    except BadRequest as error:
        raise BadRequest(f"error decoding patch: {error.message}") from None


def _json(sent: Sent) -> Patch:
    operations = _parsed(sent.body)
    return Patch(lambda obj: _typed(sent, json_patch(obj, operations)))


def _merge(sent: Sent) -> Patch:
    patch = _object(_parsed(sent.body))
    return Patch(lambda obj: _typed(sent, merge_patch(obj, patch)))


def _strategic(sent: Sent) -> Patch:
    patch = _object(parse_patch_data(sent.body))

    def edit(obj: Obj) -> Obj:
        try:
            merged = strategic_merge(obj, patch, sent.type)
            _read(sent, merged)
        except WrongType as wrong:
            raise _unfit(go_text(patch), f"unrecognized type: {wrong.message.rpartition(' of type ')[2]}") from None
        return merged

    return Patch(edit)


def _apply(sent: Sent) -> Patch:
    manager = sent.query.get("fieldManager", "")
    if not manager:
        raise wrong_options("PatchOptions", required("fieldManager", "is required for apply patch"))
    if sent.subresource == "scale":
        return _apply_scale(sent, manager)
    applied = _applied(sent)
    force = is_true(sent.query.get("force"))

    def edit(obj: Obj) -> Obj:
        return apply(
            obj, applied, sent.resource, manager=manager, force=force, now=sent.now, subresource=sent.subresource
        )

    return Patch(edit, is_apply=True)


def _apply_scale(sent: Sent, manager: str) -> Patch:
    """What a Scale says of the replicas, applied to the object behind it."""
    scale = _object(parse_data(sent.body, APPLY))
    replicas = (scale.get("spec") or {}).get("replicas")
    wanted: Obj = {"spec": {} if replicas is None else {"replicas": replicas}}
    force = is_true(sent.query.get("force"))

    def edit(obj: Obj) -> Obj:
        return apply(obj, wanted, sent.resource, manager=manager, force=force, now=sent.now, subresource="scale")

    return Patch(edit, is_apply=True)


def _applied(sent: Sent) -> Obj:
    """Raises where an applied configuration is of another kind, or has a field that the kind does not know."""
    sent_object, resource = _object(parse_data(sent.body, APPLY)), sent.resource
    named = sent_object.get("apiVersion") or "", sent_object.get("kind") or ""
    if named != (resource.api_version, resource.kind):
        raise BadRequest(f"invalid object type: {named[0]}, Kind={named[1]}")
    if not resource.custom and (wrong := list(misfits(sent_object, resource.type))):
        meta = sent_object.get("metadata") or {}
        which = f"{meta.get('namespace', '')}/{meta.get('name', '')}; {named[0]}, Kind={named[1]}"
        why = wrong[0] if len(wrong) == 1 else "".join(["errors:", *(f"\n  {line}" for line in wrong)])
        raise ApiError(f"failed to create typed patch object ({which}): {why}", code=500, reason="")
    return decode(resource, sent_object)[0]


def _object(patch: object) -> Obj:
    if not isinstance(patch, dict):
        raise BadRequest(
            f"error decoding patch: json: cannot unmarshal {go_kind(patch)} into Go value of type {_GO_OBJECT}"
        )
    return patch


def _typed(sent: Sent, patched: object) -> Obj:
    """Raises 422 when the patch gave a field another type than it has."""
    if not isinstance(patched, dict):
        raise BadRequest("the patch makes the object something else")
    try:
        _read(sent, patched)
    except WrongType as wrong:
        raise _unfit(orjson.dumps(patched).decode(), wrong.message.partition(": ")[2]) from None
    return patched


def _read(sent: Sent, patched: Obj) -> None:
    if not sent.subresource and not sent.resource.custom:
        decode(sent.resource, {**patched, "kind": "", "apiVersion": ""})


def _unfit(value: str, why: str) -> Invalid:
    return refuse([invalid("patch", value, why)], group="", kind="", name="")


_KINDS: dict[str, Callable[[Sent], Patch]] = {
    "application/json-patch+json": _json,
    "application/merge-patch+json": _merge,
    "application/strategic-merge-patch+json": _strategic,
    APPLY: _apply,
}
