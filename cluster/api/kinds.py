"""Every kind that the API serves now: those it is built with, and those that definitions in the store add."""

from collections.abc import Mapping

from cluster.api.custom.definitions import kinds_of
from cluster.api.resource import Resource
from cluster.custom import DEFINITIONS
from cluster.store import Store


class Kinds:
    """A definition's name is the key of what it defines, so that each is found without looking at the others."""

    def __init__(self, own: Mapping[str, Resource], store: Store) -> None:
        self._own = own
        self._store = store
        self._custom: dict[str, tuple[int, tuple[Resource, ...]]] = {}
        """By key, as of a revision of the definition."""

    def get(self, key: str, version: str = "") -> Resource | None:
        """The kind called "pods" or "widgets.example.com", in the version it is stored in unless another is named."""
        if (own := self._own.get(key)) is not None:
            plural, _, group = key.partition(".")
            return own if version in ("", own.version) else self._own.get(f"{plural}.{version}.{group}")
        versions = self._versions(key)
        return next((kind for kind in versions if version in ("", kind.version)), None)

    def served(self) -> tuple[Resource, ...]:
        """All of them, in every version."""
        custom = (kind for entry in self._store.list(DEFINITIONS) for kind in self._versions(entry.name))
        return (*self._own.values(), *custom)

    def _versions(self, key: str) -> tuple[Resource, ...]:
        definition = self._store.get(DEFINITIONS, "", key)
        if definition is None:
            self._custom.pop(key, None)
            return ()
        known = self._custom.get(key)
        if known is None or known[0] != definition.revision:
            known = self._custom[key] = definition.revision, kinds_of(definition.object)
        return known[1]
