"""Which objects of one resource a list or a watch is about. Pure."""

from dataclasses import dataclass

from cluster.api.resource import Resource
from cluster.client import BadRequest, Obj
from cluster.selectors import FieldSelector, LabelSelector, matches_fields, matches_labels, parse_fields, parse_labels
from cluster.store import Change, ChangeType, Entry


@dataclass(frozen=True, slots=True)
class Selection:
    resource: Resource
    namespace: str | None
    """None is all of them."""
    labels: LabelSelector
    fields: FieldSelector

    @property
    def is_filter(self) -> bool:
        return bool(self.labels or self.fields)

    def matches(self, obj: Obj) -> bool:
        return self.matches_labels(obj) and self.matches_fields(obj)

    def matches_labels(self, obj: Obj) -> bool:
        return not self.labels or matches_labels(self.labels, obj["metadata"].get("labels"))

    def matches_fields(self, obj: Obj) -> bool:
        return not self.fields or matches_fields(self.fields, self.resource.selectable_fields(obj))


def stored_as(resource: Resource) -> str:
    """Under which key the store has the objects of a kind, which may be a view of another."""
    return resource.view.key if resource.view else resource.key


def shown(resource: Resource, entry: Entry) -> Entry:
    """A stored object as its kind shows it."""
    return Entry(resource.view.read(entry.object), entry.revision) if resource.view else entry


def select(resource: Resource, namespace: str | None, labels: str = "", fields: str = "") -> Selection:
    """From selectors in kubectl's syntax. Raises `BadRequest` where they cannot be read or name an unknown field."""
    selection = Selection(resource, namespace or None, parse_labels(labels), parse_fields(fields))
    known = resource.selectable_fields({"metadata": {}})
    for requirement in selection.fields:
        if requirement.field not in known:
            raise BadRequest(f"field label not supported: {requirement.field}")
    return selection


def seen(change: Change, selection: Selection) -> tuple[ChangeType, Entry] | None:
    """A change as somebody sees it who sees the selected objects only.

    An object that begins to match is ADDED, one that ceases to match is DELETED as it last was to the watcher, at the
    new revision.
    """
    if selection.resource.view:
        old = shown(selection.resource, change.old) if change.old else None
        change = Change(change.type, shown(selection.resource, change.entry), old)
    if not selection.is_filter:
        return change.type, change.entry
    before = change.old is not None and selection.matches(change.old.object)
    after = change.type != "DELETED" and selection.matches(change.entry.object)
    match before, after:
        case False, True:
            return "ADDED", change.entry
        case True, True:
            return "MODIFIED", change.entry
        case True, False:
            return "DELETED", _last_seen(change)
    return None


def _last_seen(change: Change) -> Entry:
    if change.type == "DELETED" or change.old is None:
        return change.entry
    old, revision = change.old.object, change.entry.revision
    return Entry({**old, "metadata": {**old["metadata"], "resourceVersion": str(revision)}}, revision)
