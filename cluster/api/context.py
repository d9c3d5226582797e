"""What verbs and admission share: the cluster they work on, and one write as a value."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import orjson

from cluster.api.kinds import Kinds
from cluster.api.resource import Resource
from cluster.client import Obj
from cluster.config import ClusterConfig
from cluster.store import Entry, Store

_EVERYBODY = frozenset({"system:authenticated", "system:unauthenticated"})


@dataclass(frozen=True, slots=True)
class User:
    """Who asks, as authentication found it."""

    name: str
    groups: frozenset[str] = frozenset()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def groups_in_order(self) -> list[str]:
        """As they are told: those that everybody is in come last."""
        return sorted(self.groups, key=lambda group: (group in _EVERYBODY, group))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The state, and everything that would otherwise come from outside: time, chance, the plan."""

    config: ClusterConfig
    store: Store
    resources: Kinds
    clock: Callable[[], float]
    """Seconds since 1970."""
    random: random.Random
    computed: Mapping[str, Callable[[str | None], list[Entry]]] = field(default_factory=dict)
    """How to make the objects of each resource that is not stored, in one namespace or in all (None)."""


Operation = Literal["CREATE", "UPDATE", "DELETE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One object about to be written. Admission may change `obj`, which is private until it is stored."""

    operation: Operation
    resource: Resource
    obj: Obj
    old: Obj | None
    user: User
    subresource: str = ""
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list)
    """Shown to the caller in Warning headers."""

    @property
    def is_resize(self) -> bool:
        return self.subresource == "resize"

    @property
    def namespace(self) -> str:
        return str(self.obj["metadata"].get("namespace", ""))

    @property
    def name(self) -> str:
        return str(self.obj["metadata"].get("name", ""))


def private_copy(obj: Obj) -> Obj:
    """A deep copy that shares nothing; an order faster than `copy.deepcopy`, since objects are JSON."""
    copy: Obj = orjson.loads(orjson.dumps(obj))
    return copy
