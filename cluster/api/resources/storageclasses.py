"""StorageClasses."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, duplicate, invalid, required
from cluster.api.metadata import immutable, qualified_name
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_enum, check_name, check_required
from cluster.api.tables.storage import CLASSES
from cluster.client import NotImplementedHere, Obj
from cluster.volumes import FOLDER_PROVISIONER


def fill(storage_class: Obj) -> None:
    storage_class.setdefault("reclaimPolicy", "Delete")
    storage_class.setdefault("volumeBindingMode", "Immediate")


def rules(storage_class: Obj, old: Obj | None) -> Iterator[FieldError]:
    yield from check_required(storage_class, "", "provisioner")
    if name := storage_class.get("provisioner"):
        yield from check_name(name.lower(), "provisioner", qualified_name)
    if "" in (storage_class.get("parameters") or {}):
        yield invalid("parameters", "", "field can not be empty.")
    for i, term in enumerate(storage_class.get("allowedTopologies") or ()):
        for j, expression in enumerate(term.get("matchLabelExpressions") or ()):
            path = f"allowedTopologies[{i}].matchLabelExpressions[{j}]"
            yield from _check_topology(expression, path)
    yield from check_enum(storage_class, "", "reclaimPolicy", ("Delete", "Retain"))
    yield from check_enum(storage_class, "", "volumeBindingMode", ("Immediate", "WaitForFirstConsumer"))
    for name in ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"):
        if old is not None and storage_class.get(name) != old.get(name):
            yield immutable(name, storage_class.get(name))


def _check_topology(expression: Obj, path: str) -> Iterator[FieldError]:
    values = expression.get("values") or []
    if not values:
        yield required(f"{path}.values")
    for i, value in enumerate(values):
        if value in values[:i]:
            yield duplicate(f"{path}.values[{i}]", value)
    yield from check_name(expression.get("key", ""), f"{path}.key", qualified_name)


def unsupported(storage_class: Obj) -> Iterator[NotImplementedHere]:
    """What is said to other provisioners is their business; they are not here, and claims that name them wait."""
    for name in ("allowedTopologies", "mountOptions", "parameters"):
        if storage_class["provisioner"] == FOLDER_PROVISIONER and storage_class.get(name):
            yield NotImplementedHere(
                f"{name} is not supported by the provisioner {FOLDER_PROVISIONER}: its volumes are plain folders that "
                "every node reaches; remove it"
            )


RESOURCE = Resource(
    group="storage.k8s.io",
    plural="storageclasses",
    kind="StorageClass",
    namespaced=False,
    short_names=("sc",),
    table=CLASSES,
    fill=fill,
    rules=rules,
    unsupported=unsupported,
)
