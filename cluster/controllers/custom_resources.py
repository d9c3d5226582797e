"""CustomResourceDefinitions: their names are accepted if nobody else has them, and then what they define is served;
those that are deleted take their objects along (apiextensions' naming, establishing and finalizing controllers)."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from cluster.client import Client, Conflict, NotFound, Obj, WatchEvent
from cluster.controllers.context import Context, Kind
from cluster.controllers.loop import Controller
from cluster.custom import DEFINITIONS, FINALIZER
from cluster.objects import Key, condition, is_going, key_of, with_condition

RECHECK_SECONDS = 1.0
"""Objects with finalizers of their own go when they go."""


def controller(context: Context) -> Controller:
    return Controller(
        name="custom-resources",
        watches={DEFINITIONS: _of_group(context.client)},
        reconcile=_Reconciler(context, context.client).reconcile,
    )


def custom_kinds(client: Client) -> list[Kind]:
    """What the definitions there are define, in the versions they are stored in."""
    return [_kind(definition) for definition in client.list(DEFINITIONS) if _is(definition, "Established")]


def _kind(definition: Obj) -> Kind:
    spec = definition["spec"]
    version = next(version["name"] for version in spec["versions"] if version["storage"])
    is_namespaced = spec["scope"] == "Namespaced"
    return Kind(definition["metadata"]["name"], f"{spec['group']}/{version}", spec["names"]["kind"], is_namespaced)


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context
    client: Client

    async def reconcile(self, key: Key) -> float | None:
        try:
            definition = self.client.get(DEFINITIONS, key.name)
        except NotFound:
            return None
        if is_going(definition):
            return self._clean(definition)
        self._accept(definition)
        return None

    def _accept(self, definition: Obj) -> None:
        others = [other for other in self.client.list(DEFINITIONS) if key_of(other) != key_of(definition)]
        names = definition["spec"]["names"]
        if taken := conflicts(definition, others):
            new = [_condition("NamesAccepted", False, *taken[0])]
            if not _is(definition, "Established"):
                new.append(_condition("Established", False, "NotAccepted", "not all names are accepted"))
            self._write(definition, {}, new)
            return
        accepted = _condition("NamesAccepted", True, "NoConflicts", "no conflicts found")
        established = _condition("Established", True, "InitialNamesAccepted", "the initial names have been accepted")
        self._write(definition, {"acceptedNames": names}, [accepted, established])

    def _clean(self, definition: Obj) -> float | None:
        if FINALIZER not in (definition["metadata"].get("finalizers") or ()):
            return None
        left = self._delete_all(definition["metadata"]["name"]) if _is(definition, "Established") else 0
        if left:
            message = "CustomResource deletion is in progress"
            self._write(definition, {}, [_condition("Terminating", True, "InstanceDeletionInProgress", message)])
            return RECHECK_SECONDS
        kept = [name for name in definition["metadata"]["finalizers"] if name != FINALIZER]
        patch = {"metadata": {"finalizers": kept or None}}
        self.client.patch(DEFINITIONS, definition["metadata"]["name"], "", patch)
        return None

    def _delete_all(self, resource: str) -> int:
        """How many are left."""
        for obj in self.client.list(resource):
            if not is_going(obj):
                with suppress(NotFound, Conflict):
                    self.client.delete(resource, *reversed(key_of(obj)), uid=obj["metadata"]["uid"])
        return len(self.client.list(resource))

    def _write(self, definition: Obj, status: Obj, conditions: list[Obj]) -> None:
        before = definition.get("status") or {}
        now = before.get("conditions") or []
        for new in conditions:
            now = with_condition(now, new, self.context.clock())
        after = {**before, **status, "conditions": now}
        if after != before:
            self.client.patch(DEFINITIONS, definition["metadata"]["name"], "", {"status": after}, subresource="status")


def conflicts(definition: Obj, others: Iterable[Obj]) -> list[tuple[str, str]]:
    """Which of the names are taken by another definition of the group: reason and message each. Pure."""
    spec = definition["spec"]
    theirs = [o["status"]["acceptedNames"] for o in others if o["spec"]["group"] == spec["group"]]
    names = {names.get(word) for names in theirs for word in ("plural", "singular")}
    names |= {short for those in theirs for short in those.get("shortNames") or ()}
    kinds = {names.get(word) for names in theirs for word in ("kind", "listKind")}
    taken = {"plural": names, "singular": names, "kind": kinds, "listKind": kinds}
    found = [(word, spec["names"][word]) for word, those in taken.items() if spec["names"][word] in those]
    found += [("shortNames", short) for short in spec["names"].get("shortNames") or () if short in names]
    return [(f"{_capital(word)}Conflict", f'"{name}" is already in use') for word, name in found]


def _capital(word: str) -> str:
    return word[0].upper() + word[1:]


def _is(definition: Obj, type: str) -> bool:
    found = condition(definition, type)
    return found is not None and found["status"] == "True"


def _condition(type: str, is_true: bool, reason: str, message: str) -> Obj:
    return {"type": type, "status": str(is_true), "reason": reason, "message": message}


def _of_group(client: Client) -> Callable[[WatchEvent], Iterable[Key]]:
    """The definition itself; when one goes, also those of its group, which may have waited for its names."""

    def keys(event: WatchEvent) -> Iterable[Key]:
        yield key_of(event.object)
        if event.type == "DELETED":
            group = event.object["spec"]["group"]
            yield from (key_of(d) for d in client.list(DEFINITIONS) if d["spec"]["group"] == group)

    return keys
