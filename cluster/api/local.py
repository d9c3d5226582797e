"""The API in-process: `cluster.client.Client` on the very verbs that HTTPS requests use, as one user."""

from collections.abc import AsyncIterator

from cluster.api.authorize import Authorizer
from cluster.api.context import User, private_copy
from cluster.api.deletion import DeleteOptions
from cluster.api.patch_merge import merge_patch
from cluster.api.resource import Resource
from cluster.api.rules import asking
from cluster.api.selection import seen, select, stored_as
from cluster.api.subresources import Subresources
from cluster.api.verbs import Edit, Verbs, WriteOptions
from cluster.client import Obj, WatchEvent


class LocalClient:
    """Implements `cluster.client.Client`; see there for the contract of each method."""

    def __init__(self, verbs: Verbs, authorizer: Authorizer, subresources: Subresources, user: User) -> None:
        self._verbs = verbs
        self._authorizer = authorizer
        self._subresources = subresources
        self._user = user
        self._options = WriteOptions(user=user, manager=_program(user.name), tracked=False)

    def get(self, resource: str, name: str, namespace: str = "", *, subresource: str = "") -> Obj:
        kind = self._allowed("get", resource, namespace, name, subresource)
        if subresource:
            return self._subresources.get(kind, subresource, namespace, name)
        return self._verbs.get(kind, namespace, name).object

    def list(self, resource: str, namespace: str | None = None, *, labels: str = "", fields: str = "") -> list[Obj]:
        kind = self._allowed("list", resource, namespace or "")
        return [entry.object for entry in self._verbs.select(select(kind, namespace, labels, fields))]

    def create(self, resource: str, obj: Obj, namespace: str = "", *, subresource: str = "", name: str = "") -> Obj:
        namespace = namespace or _namespace(obj)
        kind = self._allowed("create", resource, namespace, name, subresource)
        if subresource:
            return self._subresources.create(kind, subresource, namespace, name, obj, self._options)
        return self._verbs.create(kind, namespace, obj, self._options).object

    def update(self, resource: str, obj: Obj, *, subresource: str = "") -> Obj:
        namespace, name = _namespace(obj), obj["metadata"]["name"]
        return self._edit("update", resource, namespace, name, lambda _: private_copy(obj), subresource)

    def patch(self, resource: str, name: str, namespace: str, patch: Obj, *, subresource: str = "") -> Obj:
        return self._edit("patch", resource, namespace, name, lambda obj: merge_patch(obj, patch), subresource)

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
        kind = self._allowed("delete", resource, namespace, name)
        options = DeleteOptions(uid=uid, grace_seconds=grace_seconds, propagation=propagation or None)
        self._verbs.delete(kind, namespace, name, options, self._user)

    async def watch(
        self, resource: str, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> AsyncIterator[WatchEvent]:
        selection = select(self._allowed("watch", resource, namespace or ""), namespace, labels, fields)
        store = self._verbs.cluster.store
        subscription = store.subscribe(stored_as(selection.resource), selection.namespace)
        try:
            for entry in self._verbs.select(selection):
                yield WatchEvent("ADDED", entry.object)
            while True:
                change = await subscription.next()
                if event := seen(change, selection):
                    type, entry = event
                    yield WatchEvent(type, entry.object, change.old.object if change.old else None)
        finally:
            store.unsubscribe(stored_as(selection.resource), subscription)

    def _edit(self, verb: str, resource: str, namespace: str, name: str, edit: Edit, subresource: str) -> Obj:
        kind = self._allowed(verb, resource, namespace, name, subresource)
        if subresource:
            return self._subresources.edit(kind, subresource, namespace, name, edit, self._options)
        return self._verbs.edit(kind, namespace, name, edit, self._options).object

    def _allowed(self, verb: str, key: str, namespace: str, name: str = "", subresource: str = "") -> Resource:
        kind = self._verbs.resource(key)
        self._authorizer.check(self._user, asking(kind, verb, namespace, name, subresource))
        return kind


def _program(user: str) -> str:
    """What the program calls itself that runs as this user."""
    return "kubelet" if user.startswith("system:node:") else user.rpartition(":")[2]


def _namespace(obj: Obj) -> str:
    return str((obj.get("metadata") or {}).get("namespace") or "")
