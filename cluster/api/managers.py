"""Who owns which fields of an object: the entries of metadata.managedFields, and what writes do to them.

Users' objects are tracked from their creation on. What the cluster's own parts make for itself (ReplicaSets, pods,
EndpointSlices) is not, until somebody applies to it: it would cost more than the object, and all of it is theirs. What
is there then belongs to "before-first-apply".
"""

from dataclasses import dataclass, replace

from cluster.api.field_sets import FieldSet, decode, encode, fields_of, walk
from cluster.api.resource import Resource
from cluster.api.schema import Type
from cluster.client import Obj
from cluster.timestamps import format_time

BEFORE = "before-first-apply"

_NOBODYS = frozenset(
    (
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generateName",
        "generation",
        "managedFields",
        "name",
        "namespace",
        "resourceVersion",
        "selfLink",
        "uid",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """One entry of managedFields."""

    name: str
    operation: str
    api_version: str
    fields: FieldSet
    time: str = ""
    subresource: str = ""

    @property
    def identity(self) -> tuple[str, str, str, str]:
        return self.name, self.operation, self.api_version, self.subresource

    def __str__(self) -> str:
        if self.operation != "Update":
            return f'"{self.name}"'
        where = f' with subresource "{self.subresource}"' if self.subresource else ""
        return f'"{self.name}"{where} using {self.api_version}'


def track_create(new: Obj, resource: Resource, *, manager: str, now: float) -> None:
    """All of a new object belongs to its creator."""
    fields = frozenset(walk(_asked_for(new, resource, ""), resource.type))
    mine = Manager(name=manager, operation="Update", api_version=resource.api_version, fields=fields)
    if fields:
        new["metadata"]["managedFields"] = [entry_of(replace(mine, time=format_time(now)))]


def track_update(old: Obj, new: Obj, resource: Resource, *, manager: str, now: float, subresource: str = "") -> None:
    """After a write that was no apply: what it changed belongs to `manager`. Does nothing to untracked objects."""
    entries = old.get("metadata", {}).get("managedFields")
    if not entries:
        return
    changed, gone = _difference(old, new, resource.type)
    identity = Manager(
        name=manager, operation="Update", api_version=resource.api_version, fields=changed, subresource=subresource
    )
    if changed or gone:
        entries = _settled([_manager(entry) for entry in entries], identity, gone, format_time(now))
    new["metadata"]["managedFields"] = entries


def _settled(managers: list[Manager], writer: Manager, gone: FieldSet, now: str) -> list[Obj]:
    kept = [replace(m, fields=m.fields - writer.fields - gone) for m in managers]
    mine = next((m for m in kept if m.identity == writer.identity), replace(writer, fields=frozenset()))
    kept = [m for m in kept if m.identity != writer.identity]
    if writer.fields:
        mine = replace(mine, fields=mine.fields | writer.fields, time=now)
    return [entry_of(m) for m in [*kept, mine] if m.fields]


def _difference(old: Obj, new: Obj, type: Type) -> tuple[FieldSet, FieldSet]:
    """(what `new` adds or changes, what of `old` is gone)."""
    old, new = _tracked(old), _tracked(new)
    had = walk({name: value for name, value in old.items() if new.get(name) != value}, type)
    has = walk({name: value for name, value in new.items() if old.get(name) != value}, type)
    changed = frozenset(path for path, value in has.items() if path not in had or had[path] != value)
    return changed, frozenset(had.keys() - has.keys())


def _tracked(obj: Obj) -> Obj:
    """Without what belongs to nobody: what identifies an object, or is the server's alone."""
    metadata = {name: value for name, value in (obj.get("metadata") or {}).items() if name not in _NOBODYS}
    rest = {name: value for name, value in obj.items() if name != "metadata"}
    return {**rest, **({"metadata": metadata} if metadata else {})}


def _asked_for(obj: Obj, resource: Resource, subresource: str) -> Obj:
    """What a writer can own: a write to the object itself does not change its status."""
    if subresource or not resource.has("status"):
        return _tracked(obj)
    return {name: value for name, value in _tracked(obj).items() if name != "status"}


def owned(obj: Obj, type: Type, resource: Resource, subresource: str) -> FieldSet:
    """The fields that whoever applies `obj` owns."""
    return fields_of(_asked_for(obj, resource, subresource), type)


def managers_of(live: Obj, type: Type, resource: Resource) -> list[Manager]:
    entries = live.get("metadata", {}).get("managedFields") or []
    if entries or not live:
        return [_manager(entry) for entry in entries]
    fields = owned(live, type, resource, "")
    return [Manager(name=BEFORE, operation="Update", api_version=resource.api_version, fields=fields)]


def _manager(entry: Obj) -> Manager:
    return Manager(
        name=entry.get("manager", ""),
        operation=entry.get("operation", ""),
        api_version=entry.get("apiVersion", ""),
        fields=decode(entry.get("fieldsV1") or {}),
        time=entry.get("time", ""),
        subresource=entry.get("subresource", ""),
    )


def entry_of(manager: Manager) -> Obj:
    entry = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": manager.api_version,
        "time": manager.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": encode(manager.fields),
        "subresource": manager.subresource,
    }
    return {key: value for key, value in entry.items() if value != ""}
