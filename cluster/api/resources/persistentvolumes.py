"""PersistentVolumes."""

from collections.abc import Iterator
from math import floor
from posixpath import normpath
from typing import Any

from cluster.api.field_errors import FieldError, forbidden, invalid, not_one_of, not_supported, required, too_long
from cluster.api.metadata import immutable, subdomain
from cluster.api.resource import Resource
from cluster.api.resources.affinity_rules import check_node_selector
from cluster.api.resources.checks import check_name, check_required
from cluster.api.resources.deprecations import node_term_warnings
from cluster.api.resources.persistentvolumeclaims import check_modes
from cluster.api.resources.volume_rules import check_host_path, check_no_backsteps
from cluster.api.tables.storage import VOLUMES
from cluster.client import NotImplementedHere, Obj
from cluster.objects import annotations_of
from cluster.quantity import parse_quantity
from cluster.volumes import FOLDER_PROVISIONER

PROTECTION = "kubernetes.io/pv-protection"
DRIVER_BYTES_MAX = 63
_POLICIES = ("Delete", "Recycle", "Retain")
# In the order in which they are looked at: the first is the volume's kind, the others are too many.
_KINDS = (
    *("hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd", "quobyte"),
    *("cephfs", "iscsi", "cinder", "fc", "flexVolume", "azureFile", "vsphereVolume", "photonPersistentDisk"),
    *("portworxVolume", "azureDisk", "scaleIO", "local", "storageos", "csi"),
)
_CALLED = {"cephfs": "cephFS"}
"""Where a refusal names the field otherwise."""
_OLD_ANNOTATIONS = {
    "volume.beta.kubernetes.io/storage-class": 'deprecated since v1.8; use "storageClassName" attribute instead',
    "volume.beta.kubernetes.io/mount-options": 'deprecated since v1.31; use "mountOptions" attribute instead',
}
_SOURCES = ("csi", "hostPath", "local")
_SECRETS = tuple(
    f"{who}SecretRef" for who in ("controllerPublish", "nodeStage", "nodePublish", "controllerExpand", "nodeExpand")
)
_OTHER = frozenset(
    {
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
    }
)


def fill(volume: Obj) -> None:
    spec = volume.setdefault("spec", {})
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    if isinstance(spec.get("hostPath"), dict):
        spec["hostPath"].setdefault("type", "")


def protect(volume: Obj) -> None:
    finalizers = volume["metadata"].setdefault("finalizers", [])
    if PROTECTION not in finalizers:
        finalizers.append(PROTECTION)


def rules(volume: Obj, old: Obj | None) -> Iterator[FieldError]:
    found = list(_check(volume))
    # Of an update Kubernetes checks the whole as well as the change, and lists what is wrong with the whole twice.
    yield from found if old is None else [*found, *found]
    if old is not None:
        yield from _check_change(volume["spec"], old["spec"])


def _check_change(spec: Obj, old: Obj) -> Iterator[FieldError]:
    sources = set(spec) - _OTHER
    yield from (immutable(f"spec.{name}", spec[name]) for name in sorted(sources) if spec[name] != old.get(name))
    if spec["volumeMode"] != old.get("volumeMode"):
        yield immutable("volumeMode", spec["volumeMode"])


def _check(volume: Obj) -> Iterator[FieldError]:
    spec = volume["spec"]
    yield from check_required(spec, "spec", "accessModes")
    yield from check_modes(spec, "spec")
    yield from _check_capacity(spec.get("capacity"))
    if spec["persistentVolumeReclaimPolicy"] not in _POLICIES:
        yield not_supported("spec.persistentVolumeReclaimPolicy", spec["persistentVolumeReclaimPolicy"], _POLICIES)
    if (affinity := spec.get("nodeAffinity")) is not None:
        yield from _check_affinity(affinity, "spec.nodeAffinity")
    yield from _check_sources(spec)
    if spec["persistentVolumeReclaimPolicy"] == "Recycle" and _is_root((spec.get("hostPath") or {}).get("path", "")):
        yield forbidden("spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'")
    if spec.get("storageClassName"):
        yield from check_name(spec["storageClassName"], "spec.storageClassName", subdomain)
    if spec["volumeMode"] not in ("Block", "Filesystem"):
        yield not_supported("spec.volumeMode", spec["volumeMode"], ("Block", "Filesystem"))


def _is_root(path: str) -> bool:
    return path.startswith("/") and normpath(path).strip("/") == ""


def _check_capacity(capacity: Obj | None) -> Iterator[FieldError]:
    if not capacity:
        yield required("spec.capacity")
    if set(capacity or ()) != {"storage"}:
        yield not_one_of("spec.capacity", capacity, ("storage",))
    for name, amount in (capacity or {}).items():
        if parse_quantity(amount) < 0:
            yield invalid(f"spec.capacity[{name}]", floor(parse_quantity(amount)), "must be a valid resource quantity")
        if parse_quantity(amount) <= 0:
            yield invalid(f"spec.capacity[{name}]", amount, "must be greater than zero")


def _check_affinity(affinity: Obj, path: str) -> Iterator[FieldError]:
    if affinity.get("required") is None:
        yield required(f"{path}.required", "must specify required node constraints")
    else:
        yield from check_node_selector(affinity["required"], f"{path}.required")


def _check_sources(spec: Obj) -> Iterator[FieldError]:
    given = [kind for kind in _KINDS if spec.get(kind) is not None]
    for i, kind in enumerate(given):
        if i and kind != "flexVolume":
            yield forbidden(f"spec.{_CALLED.get(kind, kind)}", "may not specify more than 1 volume type")
        else:
            yield from _check_source(spec[kind], kind, f"spec.{kind}")
        if kind == "local" and spec.get("nodeAffinity") is None:
            yield required("spec.nodeAffinity", "Local volume requires node affinity")
    if not given:
        yield required("spec", "must specify a volume type")


def _check_source(source: Any, kind: str, path: str) -> Iterator[FieldError]:
    if not isinstance(source, dict):
        # Of a kind that is refused, whatever is in it.
        return
    match kind:
        case "hostPath":
            yield from check_host_path(source, path)
        case "local" if not source.get("path"):
            yield required(f"{path}.path")
        case "local":
            yield from check_no_backsteps(source["path"], f"{path}.path")
        case "nfs":
            yield from check_required(source, path, "server", "path")
            if not str(source.get("path", "")).startswith("/"):
                yield invalid(f"{path}.path", source.get("path", ""), "must be an absolute path")
        case "csi":
            yield from _check_driver(source.get("driver", ""), f"{path}.driver")
            yield from check_required(source, path, "volumeHandle")


def _check_driver(driver: str, path: str) -> Iterator[FieldError]:
    if driver == FOLDER_PROVISIONER:
        # This cluster's own is called as provisioners are, which is none of a CSI driver's names.
        return
    if not driver:
        yield required(path)
        return
    if len(driver.encode()) > DRIVER_BYTES_MAX:
        yield too_long(path, DRIVER_BYTES_MAX)
    yield from (invalid(path, driver, wrong) for wrong in subdomain(driver.lower()))


def warnings(volume: Obj, _old: Obj | None) -> Iterator[str]:
    for name, why in _OLD_ANNOTATIONS.items():
        if name in annotations_of(volume):
            yield f"metadata.annotations[{name}]: {why}"
    spec, wanted = volume["spec"], "Instead, the recommended approach is to use dynamic provisioning."
    if spec["persistentVolumeReclaimPolicy"] == "Recycle":
        yield f"spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. {wanted}"
    terms = ((spec.get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or []
    for i, term in enumerate(terms):
        yield from node_term_warnings(term, f"spec.nodeAffinity.required.nodeSelectorTerms[{i}]")


def unsupported(volume: Obj) -> Iterator[NotImplementedHere]:
    for name in sorted(set(volume["spec"]) - _OTHER - set(_SOURCES)):
        yield NotImplementedHere(f"spec.{name} is not supported by this cluster: volumes are csi, hostPath or local")
    yield from _unsupported_csi(volume["spec"].get("csi") or {})
    for name in ("mountOptions", "volumeAttributesClassName"):
        if volume["spec"].get(name):
            yield NotImplementedHere(f"spec.{name} is not supported by this cluster: volumes are plain folders")
    if volume["spec"]["persistentVolumeReclaimPolicy"] == "Recycle":
        yield NotImplementedHere("spec.persistentVolumeReclaimPolicy: Recycle is not supported by this cluster")
    if volume["spec"].get("volumeMode") == "Block":
        yield NotImplementedHere("spec.volumeMode: Block is not supported by this cluster: volumes are file systems")


def _unsupported_csi(csi: Obj) -> Iterator[NotImplementedHere]:
    if csi and csi.get("driver") != FOLDER_PROVISIONER:
        yield NotImplementedHere(
            f"spec.csi.driver: {csi.get('driver')} is not supported by this cluster: its driver is {FOLDER_PROVISIONER}"
        )
    for name in _SECRETS:
        if csi.get(name):
            yield NotImplementedHere(f"spec.csi.{name} is not supported by this cluster: its driver needs no secrets")


def initial_status(_volume: Obj) -> Obj:
    return {"phase": "Pending"}


RESOURCE = Resource(
    plural="persistentvolumes",
    kind="PersistentVolume",
    namespaced=False,
    short_names=("pv",),
    subresources=("status",),
    table=VOLUMES,
    fill=fill,
    rules=rules,
    on_create=protect,
    initial_status=initial_status,
    unsupported=unsupported,
    warnings=warnings,
)
