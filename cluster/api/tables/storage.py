"""Volumes, claims and classes."""

from collections.abc import Iterable

from cluster.api.tables.duration import age
from cluster.api.tables.table import AGE, NAME, Cells, Column, Table, wide
from cluster.api.tables.text import UNSET, name
from cluster.client import Obj

_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def _modes(modes: Iterable[str] | None) -> str:
    given = set(modes or ())
    return ",".join(short for mode, short in _MODES.items() if mode in given)


def _phase(obj: Obj) -> str:
    return "Terminating" if obj["metadata"].get("deletionTimestamp") else str(obj.get("status", {}).get("phase", ""))


def claim(obj: Obj, now: float) -> Cells:
    spec, status = obj.get("spec", {}), obj.get("status", {})
    bound = bool(spec.get("volumeName"))
    return [
        name(obj),
        _phase(obj),
        spec.get("volumeName", ""),
        (status.get("capacity") or {}).get("storage", "0") if bound else "",
        _modes(status.get("accessModes")) if bound else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or UNSET,
        age(obj, now),
        spec.get("volumeMode") or UNSET,
    ]


def volume(obj: Obj, now: float) -> Cells:
    spec = obj.get("spec", {})
    ref = spec.get("claimRef")
    return [
        name(obj),
        (spec.get("capacity") or {}).get("storage", ""),
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        _phase(obj),
        f"{ref.get('namespace', '')}/{ref.get('name', '')}" if ref else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or UNSET,
        obj.get("status", {}).get("reason", ""),
        age(obj, now),
        spec.get("volumeMode") or UNSET,
    ]


def storage_class(obj: Obj, now: float) -> Cells:
    is_default = (obj["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
    return [
        f"{name(obj)} (default)" if is_default else name(obj),
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy", ""),
        obj.get("volumeBindingMode", ""),
        bool(obj.get("allowVolumeExpansion")),
        age(obj, now),
    ]


def _columns(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name=n) for n in names)


CLAIMS = Table(
    (
        NAME,
        *_columns("Status", "Volume", "Capacity", "Access Modes", "StorageClass", "VolumeAttributesClass"),
        AGE,
        wide("VolumeMode"),
    ),
    claim,
)
VOLUMES = Table(
    (
        NAME,
        *_columns("Capacity", "Access Modes", "Reclaim Policy", "Status", "Claim"),
        *_columns("StorageClass", "VolumeAttributesClass", "Reason"),
        AGE,
        wide("VolumeMode"),
    ),
    volume,
)
CLASSES = Table(
    (NAME, *_columns("Provisioner", "ReclaimPolicy", "VolumeBindingMode", "AllowVolumeExpansion"), AGE),
    storage_class,
)
