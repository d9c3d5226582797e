"""DefaultStorageClass and PersistentVolumeClaimResize: claims get the default class, and do not grow.

Source: the pages "Storage Classes" and "Persistent Volumes".
"""

from fractions import Fraction

from cluster.api.context import Cluster, Write
from cluster.api.errors import forbidden
from cluster.client import Obj
from cluster.quantity import parse_quantity
from cluster.volumes import CLAIMS, CLASSES, default_class

NO_GROWTH = (
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
)


def default_storage_class(cluster: Cluster, write: Write) -> None:
    """A new claim that names no class gets the default one; one that names the class "" gets none."""
    if write.operation != "CREATE" or write.resource.key != CLAIMS:
        return
    if "storageClassName" in write.obj["spec"]:
        return
    classes = (entry.object for entry in cluster.store.list(CLASSES))
    if default := default_class(classes):
        write.obj["spec"]["storageClassName"] = default


def no_resize(_: Cluster, write: Write) -> None:
    """A claim keeps the size that it was made with."""
    if write.operation != "UPDATE" or write.resource.key != CLAIMS or write.old is None:
        return
    if _size(write.obj) > _size(write.old):
        raise forbidden(write.resource, write.name, NO_GROWTH)


def _size(claim: Obj) -> Fraction:
    return parse_quantity(claim["spec"]["resources"]["requests"]["storage"])
