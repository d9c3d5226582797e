"""What the API does to stored objects: get, list, create, update, patch, delete. HTTPS and in-process callers share it.

Nothing here awaits: each verb reads, decides and writes while nobody else moves, so an update cannot be overtaken,
and a patch without a resourceVersion never meets a conflict.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cluster.api import identity
from cluster.api.admission import Admission
from cluster.api.context import Cluster, Operation, User, Write, private_copy
from cluster.api.decode import decode, strict_error
from cluster.api.deletion import DeleteOptions, check_preconditions, is_finished, plan_deletion
from cluster.api.errors import already_exists, not_found
from cluster.api.field_errors import refuse
from cluster.api.managers import track_create, track_update
from cluster.api.metadata import drop_repeated_owners
from cluster.api.resizing import check_resize, keep_all_but_resources
from cluster.api.resource import Resource
from cluster.api.resources.certificatesigningrequests import decide
from cluster.api.selection import Selection, shown, stored_as
from cluster.client import ApiError, Obj
from cluster.store import Entry
from cluster.timestamps import format_time

NAME_ATTEMPTS = 8
"""How often another suffix is tried when a generated name is taken (KEP-4420)."""

Edit = Callable[[Obj], Obj]
"""A patch, as a function from the object as it is (a private copy) to the object as it shall be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """Who writes and how. `warnings` collects what the caller is shown in Warning headers."""

    user: User
    dry_run: bool = False
    unknown_fields: Literal["Strict", "Warn", "Ignore"] = "Warn"
    """What to do about fields that the kind does not have: refuse, tell, or drop them silently."""
    manager: str = ""
    """Who owns the fields written, on objects whose fields are tracked."""
    tracked: bool = True
    """Whether what is created has its fields tracked from the beginning."""
    is_apply: bool = False
    """Whether the object comes with managedFields that are true already."""
    warnings: list[str] = field(default_factory=list)

    def tell(self, resource: Resource, unknown_fields: Sequence[str]) -> None:
        """Refuse, warn or be silent about unknown fields, as was asked."""
        if unknown_fields and self.unknown_fields == "Strict":
            raise strict_error(resource, list(unknown_fields))
        if self.unknown_fields == "Warn":
            self.warnings.extend(unknown_fields)

    def warn(self, resource: Resource, new: Obj, old: Obj | None) -> None:
        """Tell what the new object holds that is hardly meant."""
        self.warnings.extend(resource.warnings(new, old))


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a DELETE left: `entry` is the last or the remaining state; `gone` whether it has ended."""

    entry: Entry
    gone: bool


class Verbs:
    def __init__(self, cluster: Cluster, admission: Admission) -> None:
        self.cluster = cluster
        self._store = cluster.store
        self._admission = admission

    def resource(self, key: str) -> Resource:
        """By "pods" or "deployments.apps". Raises `NotFound` as for an unknown URL."""
        found = self.cluster.resources.get(key)
        if found is None:
            raise ApiError("the server could not find the requested resource", code=404, reason="NotFound")
        return found

    def get(self, resource: Resource, namespace: str, name: str) -> Entry:
        entry = self._find(resource, namespace if resource.namespaced else "", name)
        if entry is None:
            raise not_found(resource, name)
        return shown(resource, entry)

    def select(self, selection: Selection) -> list[Entry]:
        found = self._all(selection.resource, selection.namespace)
        if selection.resource.view:
            found = [shown(selection.resource, entry) for entry in found]
        return [e for e in found if selection.matches(e.object)] if selection.is_filter else found

    def _find(self, resource: Resource, namespace: str, name: str) -> Entry | None:
        if resource.key in self.cluster.computed:
            return next((entry for entry in self._all(resource, namespace) if entry.name == name), None)
        return self._store.get(stored_as(resource), namespace, name)

    def _all(self, resource: Resource, namespace: str | None) -> list[Entry]:
        compute = self.cluster.computed.get(resource.key)
        return compute(namespace) if compute else self._store.list(stored_as(resource), namespace)

    def create(self, resource: Resource, namespace: str, obj: Obj, options: WriteOptions) -> Entry:
        """Create `obj`, of which a copy is kept."""
        if view := resource.view:
            core = view.write(self._decoded(resource, obj, options))
            self._check_view(resource, namespace, private_copy(core))
            return shown(resource, self.create(self.resource(view.key), namespace, core, options))
        asked = self._decoded(resource, obj, options)
        options.warnings.extend(drop_repeated_owners(asked["metadata"]))
        claimed = asked["metadata"].pop("resourceVersion", None)
        attempts = 1 if asked["metadata"].get("name") else NAME_ATTEMPTS
        for _ in range(attempts):
            new = self._prepared(resource, namespace, private_copy(asked), options)
            name = new["metadata"]["name"]
            if self._store.get(resource.key, namespace, name) is None:
                identity.check_unwritten(None if options.dry_run else claimed)
                return self.put(resource, new, options.dry_run)
        raise already_exists(resource, name)

    def _check_view(self, resource: Resource, namespace: str, core: Obj) -> None:
        """Raise `Invalid` for what a view asks for beside what is asked of all that is stored."""
        stored = self.resource(stored_as(resource))
        identity.settle_namespace(stored, core, namespace)
        stored.defaults(core)
        if errors := list(resource.rules(core, None)):
            name = core["metadata"].get("name") or core["metadata"].get("generateName", "")
            raise refuse(errors, group=stored.group, kind=stored.kind, name=name)

    def edit(
        self, resource: Resource, namespace: str, name: str, edit: Edit, options: WriteOptions, subresource: str = ""
    ) -> Entry:
        """Replace an object by what `edit` makes of it. A resourceVersion or uid in the result is a precondition."""
        if view := resource.view:
            through = self._through(resource, edit, options)
            core = self.edit(self.resource(view.key), namespace, name, through, options, subresource)
            return shown(resource, core)
        old = self.get(resource, namespace, name)
        new = self._decoded(resource, edit(private_copy(old.object)), options)
        identity.settle_namespace(resource, new, namespace)
        identity.check_replacement(resource, new, old.object)
        return self._replace(resource, old, new, options, subresource)

    def delete(self, resource: Resource, namespace: str, name: str, options: DeleteOptions, user: User) -> Deleted:
        if resource.view:
            deleted = self.delete(self.resource(resource.view.key), namespace, name, options, user)
            return Deleted(shown(resource, deleted.entry), deleted.gone)
        entry = self.get(resource, namespace, name)
        check_preconditions(resource, entry.object, options)
        self._admission.review(self._write("DELETE", resource, entry.object, entry.object, WriteOptions(user=user)))
        return self._delete(resource, entry, options)

    def delete_all(self, resource: Resource, found: Iterable[Entry], options: DeleteOptions, user: User) -> None:
        """Delete each of these objects."""
        for entry in found:
            self.delete(resource, entry.namespace, entry.name, options, user)

    def _delete(self, resource: Resource, entry: Entry, options: DeleteOptions) -> Deleted:
        deletion = plan_deletion(resource, entry.object, options, self.cluster.clock())
        if deletion.marked is not None:
            entry = self.put(resource, deletion.marked, options.dry_run)
        if deletion.ends and not options.dry_run:
            entry = self._store.remove(resource.key, entry)
        return Deleted(entry, deletion.ends)

    def _prepared(self, resource: Resource, namespace: str, new: Obj, options: WriteOptions) -> Obj:
        identity.settle_namespace(resource, new, namespace)
        identity.begin(new, self.cluster.clock(), self.cluster.random)
        if not options.is_apply:
            new["metadata"].pop("managedFields", None)
        write = self._write("CREATE", resource, new, None, options)
        resource.defaults(new)
        if options.tracked and not options.is_apply:
            track_create(new, resource, manager=options.manager, now=self.cluster.clock())
        self._admission.mutate(write)
        resource.prepare_create(new)
        resource.check(new)
        options.warn(resource, new, None)
        self._admission.review(write)
        return new

    def _replace(self, resource: Resource, old: Entry, new: Obj, options: WriteOptions, subresource: str) -> Entry:
        write = self._write("UPDATE", resource, new, old.object, options, subresource)
        self._prepare_replacement(write, old.object)
        self._track(write, old.object, options)
        _check(write, old.object)
        if not subresource:
            options.warn(resource, new, old.object)
        self._admission.review(write)
        if is_finished(resource, new) and not options.dry_run:
            return self._store.remove(resource.key, Entry(new, old.revision))
        if options.dry_run:
            return _at(new, old.revision)
        return self.put(resource, new)

    def _prepare_replacement(self, write: Write, old: Obj) -> None:
        match write.subresource:
            case "status":
                write.resource.prepare_status_update(write.obj, old)
                if write.resource.custom:
                    write.resource.defaults(write.obj)
            case "approval":
                write.resource.prepare_status_update(write.obj, old)
                decide(write.obj, old, format_time(self.cluster.clock()))
            case "finalize":
                _keep_all_but(write.obj, old, "finalizers")
            case "ephemeralcontainers":
                _keep_all_but(write.obj, old, "ephemeralContainers")
                write.resource.defaults(write.obj)
                write.resource.count_generation(write.obj, old)
            case "resize":
                keep_all_but_resources(write.obj, private_copy(old))
                write.resource.defaults(write.obj)
                write.resource.count_generation(write.obj, old)
            case _:
                write.resource.defaults(write.obj)
                write.resource.prepare_update(write.obj, old)
                self._admission.mutate(write)

    def _track(self, write: Write, old: Obj, options: WriteOptions) -> None:
        if options.is_apply:
            return
        sent = write.obj["metadata"].pop("managedFields", None)
        if sent is not None:
            # Whoever sends an account of the managers rewrites it; an empty one starts anew.
            old = {**old, "metadata": {**old["metadata"], "managedFields": [entry for entry in sent if entry]}}
        who, now = options.manager, self.cluster.clock()
        track_update(old, write.obj, write.resource, manager=who, now=now, subresource=write.subresource)

    def _through(self, resource: Resource, edit: Edit, options: WriteOptions) -> Edit:
        """An edit of what a view shows, as an edit of what is stored."""
        view = resource.view
        if view is None:
            return edit
        return lambda core: view.write(self._decoded(resource, edit(view.read(core)), options))

    def _decoded(self, resource: Resource, obj: Obj, options: WriteOptions) -> Obj:
        new, problems = decode(resource, obj)
        options.tell(resource, problems)
        return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": {}, **new}

    def put(self, resource: Resource, obj: Obj, dry_run: bool = False) -> Entry:
        """Store an object that needs no further check: the server's own writes."""
        return Entry(obj, 0) if dry_run else self._store.put(resource.key, obj)

    def _write(
        self,
        operation: Operation,
        resource: Resource,
        obj: Obj,
        old: Obj | None,
        options: WriteOptions,
        subresource: str = "",
    ) -> Write:
        return Write(
            operation=operation,
            resource=resource,
            obj=obj,
            old=old,
            user=options.user,
            subresource=subresource,
            dry_run=options.dry_run,
            warnings=options.warnings,
        )


def _at(obj: Obj, revision: int) -> Entry:
    """What would be stored, at the revision it would replace."""
    return Entry({**obj, "metadata": {**obj["metadata"], "resourceVersion": str(revision)}}, revision)


def _check(write: Write, old: Obj) -> None:
    """Raise `Invalid`: what a resize may change, a write to the pod itself may not, and the other way round."""
    if write.subresource == "resize":
        check_resize(write.obj, old)
    else:
        write.resource.check(write.obj, old)


def _keep_all_but(new: Obj, old: Obj, name: str) -> None:
    """A write to namespaces/finalize or pods/ephemeralcontainers changes this field of the spec alone."""
    wanted = (new.get("spec") or {}).get(name) or []
    new.clear()
    new.update(private_copy(old))
    new["spec"] = {**(new.get("spec") or {}), name: wanted}
