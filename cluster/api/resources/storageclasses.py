"""StorageClasses."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_enum, check_required
from cluster.api.tables.storage import CLASSES
from cluster.client import Obj


def fill(storage_class: Obj) -> None:
    storage_class.setdefault("reclaimPolicy", "Delete")
    storage_class.setdefault("volumeBindingMode", "Immediate")


def rules(storage_class: Obj, old: Obj | None) -> Iterator[FieldError]:
    yield from check_required(storage_class, "", "provisioner")
    yield from check_enum(storage_class, "", "reclaimPolicy", ("Delete", "Retain"))
    yield from check_enum(storage_class, "", "volumeBindingMode", ("Immediate", "WaitForFirstConsumer"))
    for name in ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"):
        if old is not None and storage_class.get(name) != old.get(name):
            yield forbidden(name, f"updates to {name} are forbidden.")


RESOURCE = Resource(
    group="storage.k8s.io",
    plural="storageclasses",
    kind="StorageClass",
    namespaced=False,
    short_names=("sc",),
    table=CLASSES,
    fill=fill,
    rules=rules,
)
