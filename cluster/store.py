"""The cluster's memory: every object, its revisions, and who wants to hear of changes.

What etcd and the watch cache are to a real API server, in memory and for one event loop: nothing here awaits, so
between two awaits of its caller nobody else moves, and read-modify-write needs no lock.

Objects go in as private copies and are never changed again; whoever reads one shares it.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Literal

import orjson

from cluster.client import Gone, Obj

HISTORY = 2048
"""Changes kept for each resource: how far back a watch may resume before it is told to list again."""

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True)
class Entry:
    """One revision of one object."""

    object: Obj
    revision: int

    @cached_property
    def json(self) -> bytes:
        """The object as it goes over the wire, rendered once however many read it."""
        return orjson.dumps(self.object)

    @property
    def namespace(self) -> str:
        return str(self.object["metadata"].get("namespace", ""))

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])


@dataclass(frozen=True, slots=True)
class Change:
    """What happened at one revision. A DELETED entry is the object's last state, at the revision of its end."""

    type: ChangeType
    entry: Entry
    old: Entry | None


class Subscription:
    """The changes of one resource from some revision on, in order, none left out."""

    def __init__(self, namespace: str | None, backlog: Iterator[Change]) -> None:
        self.namespace = namespace
        self._changes: deque[Change] = deque()
        self._wake = asyncio.Event()
        for change in backlog:
            self.offer(change)

    def __len__(self) -> int:
        """How many changes wait to be read."""
        return len(self._changes)

    def offer(self, change: Change) -> None:
        if self.namespace is None or change.entry.namespace == self.namespace:
            self._changes.append(change)
            self._wake.set()

    async def next(self) -> Change:
        """The next change, whenever it comes."""
        while not self._changes:
            self._wake.clear()
            await self._wake.wait()
        return self._changes.popleft()


class Store:
    """Objects by resource ("deployments.apps"), namespace ("" for cluster-wide ones) and name."""

    def __init__(self) -> None:
        self.revision = 1
        self._objects: dict[str, dict[str, dict[str, Entry]]] = {}
        self._history: dict[str, deque[Change]] = {}
        self._forgotten: dict[str, int] = {}
        self._subscriptions: dict[str, set[Subscription]] = {}

    def get(self, resource: str, namespace: str, name: str) -> Entry | None:
        return self._objects.get(resource, {}).get(namespace, {}).get(name)

    def list(self, resource: str, namespace: str | None = None) -> list[Entry]:
        """In the order of namespace and name; all namespaces when None."""
        spaces = self._objects.get(resource, {})
        wanted = sorted(spaces) if namespace is None else [namespace]
        return list(chain.from_iterable(_by_name(spaces.get(space, {})) for space in wanted))

    def put(self, resource: str, obj: Obj) -> Entry:
        """Store a private copy as the next revision; an object equal to the one stored stays at its revision."""
        metadata = obj["metadata"]
        old = self.get(resource, metadata.get("namespace", ""), metadata["name"])
        if old is not None:
            metadata["resourceVersion"] = str(old.revision)
            if obj == old.object:
                return old
        entry = self._next(obj)
        self._objects.setdefault(resource, {}).setdefault(entry.namespace, {})[entry.name] = entry
        self._publish(resource, Change("MODIFIED" if old else "ADDED", entry, old))
        return entry

    def remove(self, resource: str, entry: Entry) -> Entry:
        """End an object that is stored; returns its last state, at the revision of its end."""
        space = self._objects[resource][entry.namespace]
        old = space.pop(entry.name)
        if not space:
            del self._objects[resource][entry.namespace]
        last = self._next({**entry.object, "metadata": {**entry.object["metadata"]}})
        self._publish(resource, Change("DELETED", last, old))
        return last

    def subscribe(self, resource: str, namespace: str | None = None, since: int | None = None) -> Subscription:
        """Changes after revision `since` (None: from now on). Raises `Gone` when those are no longer known."""
        forgotten = self._forgotten.get(resource, 0)
        if since is not None and since < forgotten:
            raise Gone(f"too old resource version: {since} ({forgotten})")
        missed = (c for c in self._history.get(resource, ()) if since is not None and c.entry.revision > since)
        subscription = Subscription(namespace, missed)
        self._subscriptions.setdefault(resource, set()).add(subscription)
        return subscription

    def unsubscribe(self, resource: str, subscription: Subscription) -> None:
        self._subscriptions.get(resource, set()).discard(subscription)

    def _next(self, obj: Obj) -> Entry:
        self.revision += 1
        obj["metadata"]["resourceVersion"] = str(self.revision)
        return Entry(obj, self.revision)

    def _publish(self, resource: str, change: Change) -> None:
        history = self._history.setdefault(resource, deque())
        history.append(change)
        if len(history) > HISTORY:
            self._forgotten[resource] = history.popleft().entry.revision
        for subscription in self._subscriptions.get(resource, ()):
            subscription.offer(change)


def _by_name(space: dict[str, Entry]) -> list[Entry]:
    return [space[name] for name in sorted(space)]
