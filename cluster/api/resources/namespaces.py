"""Namespaces."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, invalid
from cluster.api.metadata import FINALIZERS, label, qualified_name
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_name
from cluster.api.tables.plain import NAMESPACES
from cluster.client import Obj

NAME_LABEL = "kubernetes.io/metadata.name"
FINALIZER = "kubernetes"


def fill(namespace: Obj) -> None:
    namespace.setdefault("spec", {})
    if name := namespace["metadata"].get("name"):
        namespace["metadata"].setdefault("labels", {})[NAME_LABEL] = name


def rules(namespace: Obj, _old: Obj | None) -> Iterator[FieldError]:
    for finalizer in namespace["spec"].get("finalizers") or ():
        yield from check_name(finalizer, "spec.finalizers", qualified_name)
        if "/" not in finalizer and finalizer not in FINALIZERS:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            yield invalid("spec.finalizers", finalizer, why)


def hold(namespace: Obj) -> None:
    """The namespace outlives its contents: the controller takes this finalizer off when it is empty."""
    namespace["spec"]["finalizers"] = [FINALIZER]
    fill(namespace)


def keep_finalizers(new: Obj, old: Obj) -> None:
    """Only the finalize subresource changes spec.finalizers."""
    if "finalizers" in old["spec"]:
        new["spec"]["finalizers"] = old["spec"]["finalizers"]
    else:
        new["spec"].pop("finalizers", None)


def initial_status(_namespace: Obj) -> Obj:
    return {"phase": "Active"}


def selectable(namespace: Obj) -> dict[str, str]:
    return {"status.phase": namespace.get("status", {}).get("phase", "")}


RESOURCE = Resource(
    plural="namespaces",
    kind="Namespace",
    namespaced=False,
    short_names=("ns",),
    subresources=("finalize", "status"),
    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
    name_rule=label,
    table=NAMESPACES,
    fill=fill,
    rules=rules,
    on_create=hold,
    on_update=keep_finalizers,
    initial_status=initial_status,
    fields=selectable,
)
