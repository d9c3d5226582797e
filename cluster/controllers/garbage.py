"""The garbage collector: what is owned goes with its owners, by the three propagation policies.

- Background: an object none of whose owners exist any more is deleted.
- Foreground (finalizer `foregroundDeletion`): the dependents go first, and those that block hold the owner.
- Orphan (finalizer `orphan`): the dependents lose their owner reference and stay.

It follows every kind but Events, which own nothing and are owned by nothing, and keeps who owns whom by uid.
Source: the Kubernetes page on garbage collection and the collector's graph in kube-controller-manager.
"""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from cluster.client import Conflict, NotFound, Obj, WatchEvent
from cluster.controllers.context import Context, Kind
from cluster.controllers.loop import Controller, KeysOf
from cluster.objects import Key, is_going, key_of, uid_of

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
IGNORED = frozenset({"events"})


def controller(context: Context) -> Controller:
    collector = _Collector(context, {(_group(k.api_version), k.kind): k for k in context.kinds})
    followed = [kind for kind in context.kinds if kind.resource not in IGNORED]
    return Controller(
        name="garbage",
        watches={kind.resource: collector.follow(kind) for kind in followed},
        reconcile=collector.reconcile,
    )


@dataclass(frozen=True, slots=True)
class _Node:
    """One live object: where to find it."""

    kind: Kind
    key: Key


@dataclass(slots=True)
class _Collector:
    context: Context
    kinds: dict[tuple[str, str], Kind]
    """By API group and kind, as owner references name them."""
    nodes: dict[str, _Node] = field(default_factory=dict)
    """By uid."""
    dependents: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Uids of the owned, by uid of the owner; the owner need not exist."""

    def follow(self, kind: Kind) -> KeysOf:
        """Keys of this controller are uids: ("", uid)."""

        def keys(event: WatchEvent) -> Iterable[Key]:
            uid = uid_of(event.object)
            if event.type == "DELETED":
                return self._lost(uid, event.object)
            self._seen(kind, uid, event)
            return (Key("", uid),) if _needs_care(event) else ()

        return keys

    def _seen(self, kind: Kind, uid: str, event: WatchEvent) -> None:
        self.nodes[uid] = _Node(kind, key_of(event.object))
        owners = {owner["uid"] for owner in _owners(event.object)}
        for former in {owner["uid"] for owner in _owners(event.old or {"metadata": {}})} - owners:
            self._forget(former, uid)
        for owner in owners:
            self.dependents[owner].add(uid)

    def _lost(self, uid: str, obj: Obj) -> list[Key]:
        """What depended on the lost object, and the owners that may have waited for it to go."""
        self.nodes.pop(uid, None)
        owners = [owner["uid"] for owner in _owners(obj)]
        for owner in owners:
            self._forget(owner, uid)
        return [Key("", other) for other in (*self.dependents.get(uid, ()), *owners)]

    def _forget(self, owner: str, uid: str) -> None:
        self.dependents[owner].discard(uid)
        if not self.dependents[owner]:
            del self.dependents[owner]

    async def reconcile(self, key: Key) -> None:
        obj = self._live(key.name)
        if obj is None:
            return
        if is_going(obj):
            self._release(obj)
        elif _owners(obj):
            self._collect(obj)

    def _live(self, uid: str) -> Obj | None:
        """The object as it is now, if it is still the one of that uid."""
        node = self.nodes.get(uid)
        if node is None:
            return None
        try:
            obj = self.context.client.get(node.kind.resource, node.key.name, node.key.namespace)
        except NotFound:
            return None
        return obj if uid_of(obj) == uid else None

    # Objects with owners

    def _collect(self, obj: Obj) -> None:
        """Delete the object if nobody who owns it is left."""
        owners = [(owner, self._owner(obj, owner)) for owner in _owners(obj)]
        solid = [live for _, live in owners if live is not None and not _is_leaving_in_foreground(live)]
        if solid:
            gone = {owner["uid"] for owner, live in owners if live is None}
            self._drop_references(obj, gone)
            return
        waiting = any(live is not None for _, live in owners)
        self._delete(obj, "Foreground" if waiting and self.dependents.get(uid_of(obj)) else "Background")

    def _owner(self, obj: Obj, reference: Obj) -> Obj | None:
        kind = self.kinds.get((_group(reference["apiVersion"]), reference["kind"]))
        if kind is None:
            # An owner of a kind that this cluster does not have cannot be shown to be gone.
            return obj
        namespace = obj["metadata"].get("namespace", "") if kind.namespaced else ""
        try:
            live = self.context.client.get(kind.resource, reference["name"], namespace)
        except NotFound:
            return None
        return live if uid_of(live) == reference["uid"] else None

    def _drop_references(self, obj: Obj, gone: set[str]) -> None:
        if not gone:
            return
        kept = [owner for owner in _owners(obj) if owner["uid"] not in gone]
        self._patch(obj, {"ownerReferences": kept or None})

    def _delete(self, obj: Obj, propagation: str) -> None:
        node = self.nodes[uid_of(obj)]
        with suppress(NotFound, Conflict):
            self.context.client.delete(
                node.kind.resource, *reversed(node.key), uid=uid_of(obj), propagation=propagation
            )

    # Objects on their way out

    def _release(self, obj: Obj) -> None:
        finalizers = obj["metadata"].get("finalizers") or ()
        if ORPHAN in finalizers:
            self._orphan(obj)
        elif FOREGROUND in finalizers:
            self._delete_dependents(obj)

    def _orphan(self, owner: Obj) -> None:
        for dependent in self._dependents(owner):
            self._drop_references(dependent, {uid_of(owner)})
        self._remove_finalizer(owner, ORPHAN)

    def _delete_dependents(self, owner: Obj) -> None:
        dependents = self._dependents(owner)
        for dependent in dependents:
            if not is_going(dependent):
                self._collect(dependent)
        if not any(_blocks(dependent, owner) for dependent in self._dependents(owner)):
            self._remove_finalizer(owner, FOREGROUND)

    def _dependents(self, owner: Obj) -> list[Obj]:
        found = map(self._live, sorted(self.dependents.get(uid_of(owner), ())))
        return [obj for obj in found if obj is not None]

    def _remove_finalizer(self, obj: Obj, finalizer: str) -> None:
        kept = [name for name in obj["metadata"]["finalizers"] if name != finalizer]
        self._patch(obj, {"finalizers": kept or None})

    def _patch(self, obj: Obj, metadata: Obj) -> None:
        node = self.nodes[uid_of(obj)]
        precondition = {"uid": uid_of(obj)}
        with suppress(NotFound):
            self.context.client.patch(
                node.kind.resource, node.key.name, node.key.namespace, {"metadata": {**precondition, **metadata}}
            )


def _owners(obj: Obj) -> list[Obj]:
    owners: list[Obj] = obj["metadata"].get("ownerReferences") or []
    return owners


def _needs_care(event: WatchEvent) -> bool:
    if is_going(event.object):
        return _waits_for_us(event.object)
    known = event.type == "MODIFIED" and event.old is not None and _owners(event.old) == _owners(event.object)
    return bool(_owners(event.object)) and not known


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def _waits_for_us(obj: Obj) -> bool:
    finalizers = obj["metadata"].get("finalizers") or ()
    return FOREGROUND in finalizers or ORPHAN in finalizers


def _is_leaving_in_foreground(obj: Obj) -> bool:
    return is_going(obj) and FOREGROUND in (obj["metadata"].get("finalizers") or ())


def _blocks(dependent: Obj, owner: Obj) -> bool:
    uid = uid_of(owner)
    return any(o["uid"] == uid and o.get("blockOwnerDeletion") for o in _owners(dependent))
