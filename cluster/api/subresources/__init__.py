"""Subresources that are more than a part of their object: a small file each, found by resource and subresource."""

from collections.abc import Callable, Mapping

from cluster.api.decode import decode_as
from cluster.api.errors import no_route, not_allowed
from cluster.api.resource import Resource
from cluster.api.subresources.binding import bind
from cluster.api.subresources.eviction import evict
from cluster.api.subresources.scale import edit_scale, read_scale
from cluster.api.subresources.token import request_token
from cluster.api.tokens import Tokens
from cluster.api.verbs import Edit, Verbs, WriteOptions
from cluster.client import Obj

Post = Callable[[Verbs, Resource, str, str, Obj, WriteOptions], Obj]
"""(verbs, resource, namespace, name, body, options) -> the answer's body; its status is 201."""

# Parts of the object itself: read as the object, written through its own rules.
_PARTS = frozenset({"approval", "ephemeralcontainers", "finalize", "resize", "status"})


class Subresources:
    """Reads, edits and posts to subresources, whichever they are."""

    def __init__(self, verbs: Verbs, tokens: Tokens) -> None:
        self._verbs = verbs
        self._posts: Mapping[tuple[str, str], tuple[str, Post]] = {
            ("pods", "binding"): ("core.Binding", bind),
            ("pods", "eviction"): ("policy.Eviction", evict),
            ("serviceaccounts", "token"): ("authentication.TokenRequest", request_token(tokens)),
        }

    def check_verb(self, resource: Resource, subresource: str, verb: str) -> None:
        """Raise a 404 for a subresource that the kind has not, a 405 for one that is asked otherwise than it can be."""
        if (resource.key, subresource) in self._posts:
            verbs: tuple[str, ...] = ("create",)
        elif subresource in (*_PARTS, "scale") and resource.has(subresource):
            verbs = ("get", "update", "patch")
        else:
            raise no_route()
        if verb not in verbs:
            raise not_allowed()

    def get(self, resource: Resource, subresource: str, namespace: str, name: str) -> Obj:
        obj = self._verbs.get(resource, namespace, name).object
        if subresource == "scale" and resource.has("scale"):
            return read_scale(obj, resource.replicas)
        if subresource in _PARTS and resource.has(subresource):
            return obj
        raise no_route()

    def edit(
        self, resource: Resource, subresource: str, namespace: str, name: str, edit: Edit, options: WriteOptions
    ) -> Obj:
        """Update or patch. Raises `NotFound`-like for subresources that cannot be written this way."""
        if not resource.has(subresource):
            raise no_route()
        if subresource == "scale":
            return edit_scale(self._verbs, resource, namespace, name, edit, options)
        if subresource in _PARTS:
            return self._verbs.edit(resource, namespace, name, edit, options, subresource).object
        raise no_route()

    def create(
        self, resource: Resource, subresource: str, namespace: str, name: str, body: Obj, options: WriteOptions
    ) -> Obj:
        found = self._posts.get((resource.key, subresource))
        if found is None:
            raise no_route()
        type, post = found
        asked, _ = decode_as(type, type.partition(".")[2], body)
        return post(self._verbs, resource, namespace, name, asked, options)
