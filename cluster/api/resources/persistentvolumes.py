"""PersistentVolumes."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, not_one_of, required
from cluster.api.metadata import immutable
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_enum, check_quantities, check_required
from cluster.api.resources.persistentvolumeclaims import check_modes
from cluster.api.tables.storage import VOLUMES
from cluster.client import NotImplementedHere, Obj
from cluster.volumes import FOLDER_PROVISIONER

PROTECTION = "kubernetes.io/pv-protection"
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
    if not spec.get("capacity"):
        yield required("spec.capacity")
    if set(spec.get("capacity") or ()) != {"storage"}:
        yield not_one_of("spec.capacity", spec.get("capacity"), ("storage",))
    yield from check_quantities(spec.get("capacity"), "spec.capacity")
    yield from check_enum(spec, "spec", "persistentVolumeReclaimPolicy", ("Delete", "Recycle", "Retain"))
    sources = set(spec) - _OTHER
    if not sources:
        yield required("spec", "must specify a volume type")
    if spec.get("local") and not spec.get("nodeAffinity"):
        yield required("spec.nodeAffinity", "Local volume requires node affinity")
    affinity = spec.get("nodeAffinity") or {}
    if affinity.get("required") is not None and not affinity["required"].get("nodeSelectorTerms"):
        yield required("spec.nodeAffinity.required.nodeSelectorTerms", "must have at least one node selector term")


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
)
