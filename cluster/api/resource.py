"""One kind of object that the API serves: its names, its defaults, its rules, and what of it may change when.

`Resource` holds what is common to every kind; `resources/` has one file a kind that fills in the rest. Everything here
works on private copies of plain objects and does no I/O, so that the verbs stay the only place where things happen.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cluster.api.field_errors import FieldError, refuse
from cluster.api.metadata import NameRule, check_metadata, check_metadata_update, subdomain
from cluster.api.schema import Field, Type, type_of
from cluster.api.tables.table import NAME_AND_AGE, Table
from cluster.client import BadRequest, NotImplementedHere, Obj
from cluster.selectors import FieldSelector

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


_UNKNOWN = "field label not supported: "


def _nothing(_obj: Obj) -> None:
    return


def _no_change(_new: Obj, _old: Obj) -> None:
    return


def _no_errors(_obj: Obj, _old: Obj | None) -> Iterable[FieldError]:
    return ()


def _no_status(_obj: Obj) -> Obj:
    return {}


def _no_fields(_obj: Obj) -> dict[str, str]:
    return {}


def _all_supported(_obj: Obj) -> Iterable[NotImplementedHere]:
    return ()


def _no_warnings(_obj: Obj, _old: Obj | None) -> Iterable[str]:
    return ()


def spec_of(obj: Obj) -> Any:
    return obj.get("spec")


@dataclass(frozen=True, slots=True)
class View:
    """A kind that is another way to see objects stored as `key`: reading and writing go through these."""

    key: str
    read: Callable[[Obj], Obj]
    write: Callable[[Obj], Obj]


@dataclass(frozen=True)
class Custom:
    """What a CustomResourceDefinition says of its objects, where other kinds have tables."""

    schema: Obj
    """A structural schema."""

    @cached_property
    def type(self) -> Type:
        """As server-side apply sees it: metadata as everywhere, and trees below."""
        names = set(self.schema.get("properties") or {}) - {"apiVersion", "kind", "metadata"}
        trees = {name: Field(name=name, number=0, type="tree") for name in sorted(names)}
        return Type("custom", {"metadata": Field(name="metadata", number=1, type="meta.ObjectMeta"), **trees}, ())


@dataclass(frozen=True, slots=True)
class Replicas:
    """Where the scale subresource finds its figures: paths as in `.spec.replicas`."""

    wanted: str = ".spec.replicas"
    found: str = ".status.replicas"
    selector: str = ""
    """To a label selector as text; "" where spec.selector is one as an object."""


USUAL = Replicas()


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A kind of object.

    `fill`, `rules`, `on_create`, `on_update`, `initial_status` and `fields` are what a kind adds; call the methods
    `defaults`, `validate`, `prepare_create`, `prepare_update`, `prepare_status_update` and `selectable_fields`.
    """

    plural: str
    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    name_rule: NameRule = subdomain
    table: Table = NAME_AND_AGE
    desired: Callable[[Obj], Any] | None = None
    """What of the object is counted by metadata.generation; None where Kubernetes keeps no generation."""
    status_at_creation: bool = False
    """Whether the creator may give the status along (nodes)."""
    fill: Callable[[Obj], None] = _nothing
    rules: Callable[[Obj, Obj | None], Iterable[FieldError]] = _no_errors
    on_create: Callable[[Obj], None] = _nothing
    on_update: Callable[[Obj, Obj], None] = _no_change
    initial_status: Callable[[Obj], Obj] = _no_status
    fields: Callable[[Obj], dict[str, str]] = _no_fields
    unsupported: Callable[[Obj], Iterable[NotImplementedHere]] = _all_supported
    """What a valid object asks for that this cluster does not do."""
    warnings: Callable[[Obj, Obj | None], Iterable[str]] = _no_warnings
    """What a valid object (and the one that it replaces) has in it that is hardly ever meant; its writer is told."""
    orphans: bool = False
    """Whether what it owns stays behind when somebody deletes it who says nothing of that."""
    unconditional: bool = True
    """Whether an update may come without the resourceVersion that it changes."""
    view: View | None = None
    deprecated: str = ""
    """What whoever uses this kind is warned of."""
    singular_name: str = ""
    """Where it is not the kind in lower case."""
    custom: Custom | None = None
    replicas: Replicas = USUAL

    @cached_property
    def key(self) -> str:
        """How `cluster.client` names it: "pods", "deployments.apps"; of another version "x.v1.group"."""
        if self.view and self.view.key == f"{self.plural}.{self.group}":
            return f"{self.plural}.{self.version}.{self.group}"
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @cached_property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        return self.singular_name or self.kind.lower()

    @cached_property
    def type(self) -> Type:
        """The fields of its objects."""
        return self.custom.type if self.custom else type_of(self.group, self.version, self.kind)

    def has(self, subresource: str) -> bool:
        return subresource in self.subresources

    def defaults(self, obj: Obj) -> None:
        """Write every default that Kubernetes writes into `obj`, in place; a second time changes nothing."""
        obj["apiVersion"], obj["kind"] = self.api_version, self.kind
        obj.setdefault("metadata", {})
        self.fill(obj)

    def validate(self, obj: Obj, old: Obj | None) -> list[FieldError]:
        """All that is wrong with a complete, defaulted object; `old` is the one it replaces."""
        custom = self.custom is not None or self.group == "apiextensions.k8s.io"
        errors = list(check_metadata(obj, self.name_rule, namespaced=self.namespaced, custom=custom))
        if old is not None:
            errors += check_metadata_update(obj, old)
        return errors + list(self.rules(obj, old))

    def check(self, obj: Obj, old: Obj | None = None) -> None:
        """Raise `Invalid` if `validate` finds anything, `NotImplementedHere` if the object asks for the impossible."""
        if errors := self.validate(obj, old):
            name = obj["metadata"].get("name") or obj["metadata"].get("generateName", "")
            raise refuse(errors, group=self.group, kind=self.kind, name=name)
        for refusal in self.unsupported(obj):
            raise refusal

    def prepare_create(self, obj: Obj) -> None:
        """Set what the server alone decides on a new object. metadata.uid and .name must be there already."""
        if self.has("status") and not self.status_at_creation:
            obj["status"] = self.initial_status(obj)
        if self.desired is not None:
            obj["metadata"]["generation"] = 1
        self.on_create(obj)

    def prepare_update(self, new: Obj, old: Obj) -> None:
        """Undo in `new` what a write to the object itself may not change, and count the generation."""
        self._keep_identity(new, old)
        if self.has("status"):
            _copy(new, old, "status")
        self.on_update(new, old)
        self.count_generation(new, old)

    def count_generation(self, new: Obj, old: Obj) -> None:
        """A change of what is wished for is a new generation."""
        if self.desired is not None:
            changed = self.desired(new) != self.desired(old)
            new["metadata"]["generation"] = old["metadata"].get("generation", 1) + changed

    def prepare_status_update(self, new: Obj, old: Obj) -> None:
        """Undo in `new` all but the status and what of the metadata Kubernetes lets a status write change."""
        status, metadata = new.get("status"), new.get("metadata", {})
        for key in list(new):
            del new[key]
        new.update(old)
        if status is not None:
            new["status"] = status
        new["metadata"] = {**metadata}
        self._keep_identity(new, old)
        _copy(new["metadata"], old["metadata"], "generation")

    def selectable_fields(self, obj: Obj) -> dict[str, str]:
        """The fields that a field selector may name, with this object's values."""
        metadata = obj.get("metadata", {})
        common = {"metadata.name": metadata.get("name", "")}
        if self.namespaced:
            common["metadata.namespace"] = metadata.get("namespace", "")
        return common | self.fields(obj)

    def check_field_selector(self, selector: FieldSelector) -> None:
        """Raise `BadRequest` if the selector names a field that this kind cannot be selected by."""
        known = self.selectable_fields({"metadata": {}})
        for requirement in selector:
            if requirement.field not in known:
                raise BadRequest(self._unknown_field(requirement.field, known))

    def _unknown_field(self, label: str, known: Iterable[str]) -> str:
        if self.fields is not _no_fields:
            return f'field label "{label}" not supported for Job' if self.kind == "Job" else f"{_UNKNOWN}{label}"
        only = ", ".join(f'"{name}"' for name in known)
        return f'"{label}" is not a known field selector: only {only}'

    def _keep_identity(self, new: Obj, old: Obj) -> None:
        new["apiVersion"], new["kind"] = self.api_version, self.kind
        metadata = new.setdefault("metadata", {})
        for key in ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
            _copy(metadata, old["metadata"], key)


def _copy(target: Obj, source: Obj, key: str) -> None:
    if key in source:
        target[key] = source[key]
    else:
        target.pop(key, None)
