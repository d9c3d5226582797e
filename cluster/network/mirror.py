"""A resource of the API kept in memory as facts, and who wants to know told when a fact has changed."""

from collections.abc import Callable
from typing import Generic, TypeVar

from cluster.client import Client, Obj
from cluster.network.facts import Key, key_of

T = TypeVar("T")


class Mirror(Generic[T]):
    """The facts of every object of a resource. What changes in an object and not in its facts goes unnoticed."""

    def __init__(
        self, client: Client, resource: str, fact: Callable[[Obj], T | None], changed: Callable[[Key], None]
    ) -> None:
        self.facts: dict[Key, T] = {}
        self._client = client
        self._resource = resource
        self._fact = fact
        self._changed = changed

    async def run(self) -> None:
        async for event in self._client.watch(self._resource):
            if event.type in ("ADDED", "MODIFIED", "DELETED"):
                self._take(key_of(event.object), None if event.type == "DELETED" else self._fact(event.object))

    def _take(self, key: Key, fact: T | None) -> None:
        if fact == self.facts.get(key):
            return
        if fact is None:
            del self.facts[key]
        else:
            self.facts[key] = fact
        self._changed(key)
