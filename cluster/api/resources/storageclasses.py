"""StorageClasses."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_enum, check_required
from cluster.api.tables.storage import CLASSES
from cluster.client import NotImplementedHere, Obj
from cluster.volumes import FOLDER_PROVISIONER


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
