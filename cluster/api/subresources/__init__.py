"""Subresources that are more than a part of their object: a small file each, found by resource and subresource."""

from collections.abc import Callable, Mapping

from cluster.api.decode import decode_as
from cluster.api.resource import Resource
from cluster.api.subresources.binding import bind
from cluster.api.subresources.eviction import evict
from cluster.api.subresources.scale import edit_scale, read_scale
from cluster.api.subresources.token import request_token
from cluster.api.tokens import Tokens
from cluster.api.verbs import Edit, Verbs, WriteOptions
from cluster.client import ApiError, Obj

Post = Callable[[Verbs, Resource, str, str, Obj, WriteOptions], Obj]
"""(verbs, resource, namespace, name, body, options) -> the answer's body; its status is 201."""

# Parts of the object itself: read as the object, written through its own rules.
_PARTS = frozenset({"status", "finalize", "ephemeralcontainers"})


class Subresources:
    """Reads, edits and posts to subresources, whichever they are."""

    def __init__(self, verbs: Verbs, tokens: Tokens) -> None:
        self._verbs = verbs
        self._posts: Mapping[tuple[str, str], tuple[str, Post]] = {
            ("pods", "binding"): ("core.Binding", bind),
            ("pods", "eviction"): ("policy.Eviction", evict),
            ("serviceaccounts", "token"): ("authentication.TokenRequest", request_token(tokens)),
        }

    def get(self, resource: Resource, subresource: str, namespace: str, name: str) -> Obj:
        obj = self._verbs.get(resource, namespace, name).object
        if subresource == "scale" and resource.has("scale"):
            return read_scale(obj, resource.replicas)
        if subresource in _PARTS and resource.has(subresource):
            return obj
        raise unknown(resource, subresource)

    def edit(
        self, resource: Resource, subresource: str, namespace: str, name: str, edit: Edit, options: WriteOptions
    ) -> Obj:
        """Update or patch. Raises `NotFound`-like for subresources that cannot be written this way."""
        if not resource.has(subresource):
            raise unknown(resource, subresource)
        if subresource == "scale":
            return edit_scale(self._verbs, resource, namespace, name, edit, options)
        if subresource in _PARTS:
            return self._verbs.edit(resource, namespace, name, edit, options, subresource).object
        raise unknown(resource, subresource)

    def create(
        self, resource: Resource, subresource: str, namespace: str, name: str, body: Obj, options: WriteOptions
    ) -> Obj:
        found = self._posts.get((resource.key, subresource))
        if found is None:
            raise unknown(resource, subresource)
        type, post = found
        asked, _ = decode_as(type, type.partition(".")[2], body)
        return post(self._verbs, resource, namespace, name, asked, options)


def unknown(resource: Resource, subresource: str) -> ApiError:
    message = "the server could not find the requested resource"
    return ApiError(message, code=404, reason="NotFound", group=resource.group, kind=f"{resource.plural}/{subresource}")
