"""PersistentVolumeClaims."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, not_supported, required
from cluster.api.metadata import immutable, subdomain
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_name, check_required, check_selector
from cluster.api.resources.closed_gates import drop_from_claim
from cluster.api.resources.pod_warnings import fraction_warning
from cluster.api.tables.storage import CLAIMS
from cluster.client import NotImplementedHere, Obj
from cluster.objects import annotations_of
from cluster.quantity import parse_quantity

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
PROTECTION = "kubernetes.io/pvc-protection"
ONLY = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"


def fill(claim: Obj) -> None:
    spec = claim.setdefault("spec", {})
    spec.setdefault("volumeMode", "Filesystem")
    drop_from_claim(spec)
    _fill_sources(spec)


def _fill_sources(spec: Obj) -> None:
    """The older and the newer way to name a source say the same."""
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None and reference is None:
        spec["dataSourceRef"] = dict(source)
    if source is None and reference is not None:
        spec["dataSource"] = dict(reference)


def protect(claim: Obj) -> None:
    """A claim in use is not deleted from under its pods."""
    finalizers = claim["metadata"].setdefault("finalizers", [])
    if PROTECTION not in finalizers:
        finalizers.append(PROTECTION)


def rules(claim: Obj, old: Obj | None) -> Iterator[FieldError]:
    yield from check_claim_spec(claim["spec"], "spec")
    if old is not None:
        before, now = (annotations_of(obj).get(CLASS_ANNOTATION, "") for obj in (old, claim))
        if before != now:
            yield immutable(f"metadata.annotations.{CLASS_ANNOTATION}", now)
        yield from _check_change(claim, old)


def check_claim_spec(spec: Obj, path: str) -> Iterator[FieldError]:
    if not spec.get("accessModes"):
        yield required(f"{path}.accessModes", "at least 1 access mode is required")
    yield from check_selector(spec.get("selector"), f"{path}.selector")
    yield from check_modes(spec, path)
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if storage is None:
        yield required(f"{path}.resources[storage]")
    elif parse_quantity(storage) <= 0:
        yield invalid(f"{path}.resources[storage]", storage, "must be greater than zero")
    if spec.get("storageClassName"):
        yield from check_name(spec["storageClassName"], f"{path}.storageClassName", subdomain)
    if spec["volumeMode"] not in ("Block", "Filesystem"):
        yield not_supported(f"{path}.volumeMode", spec["volumeMode"], ("Block", "Filesystem"))
    for name in ("dataSource", "dataSourceRef"):
        if spec.get(name) is not None:
            yield from _check_data_source(spec[name], f"{path}.{name}")
    if spec.get("dataSource") != spec.get("dataSourceRef"):
        yield invalid(path, {}, "must match dataSourceRef")
    if spec.get("volumeAttributesClassName"):
        yield from check_name(spec["volumeAttributesClassName"], f"{path}.volumeAttributesClassName", subdomain)


def _check_data_source(source: Obj, path: str) -> Iterator[FieldError]:
    yield from check_required(source, path, "name", "kind")
    if not source.get("apiGroup") and source.get("kind") != "PersistentVolumeClaim":
        why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        yield invalid(path, source.get("kind", ""), why)
    elif source.get("apiGroup"):
        yield from check_name(source["apiGroup"], f"{path}.apiGroup", subdomain)


def check_modes(spec: Obj, path: str) -> Iterator[FieldError]:
    modes = spec.get("accessModes") or []
    for mode in modes:
        if mode not in ACCESS_MODES:
            yield not_supported(f"{path}.accessModes", mode, ACCESS_MODES)
    known = {mode for mode in modes if mode in ACCESS_MODES}
    if "ReadWriteOncePod" in known and len(known) > 1:
        yield forbidden(f"{path}.accessModes", "may not use ReadWriteOncePod with other access modes")


def _check_change(claim: Obj, old_claim: Obj) -> Iterator[FieldError]:
    spec, old = claim["spec"], old_claim["spec"]
    # The binder writes volumeName, and defaulting may give the class: each once.
    free = {key for key in ("volumeName", "storageClassName") if old.get(key) in (None, "")}
    if (claim.get("status") or {}).get("phase") == "Bound":
        spec, free = _with_storage(spec, old), free | {"volumeAttributesClassName"}
    if _without(spec, free) != _without(old, free):
        yield forbidden("spec", ONLY)
    wanted, before = parse_quantity(_storage(claim["spec"])), parse_quantity(_storage(old))
    present = ((old_claim.get("status") or {}).get("capacity") or {}).get("storage", "0")
    if wanted < before and wanted <= parse_quantity(present):
        yield forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")
    if spec.get("volumeMode") != old.get("volumeMode"):
        yield immutable("volumeMode", spec.get("volumeMode"))


def _with_storage(spec: Obj, old: Obj) -> Obj:
    """The spec with the storage that was asked for before, which alone may change."""
    resources = spec.get("resources") or {}
    if not resources.get("requests"):
        return spec
    return {**spec, "resources": {**resources, "requests": {**resources["requests"], "storage": _storage(old)}}}


def _storage(spec: Obj) -> str:
    """The storage asked for; "0" where nothing is said."""
    return str(((spec.get("resources") or {}).get("requests") or {}).get("storage", "0"))


def _without(spec: Obj, keys: set[str]) -> Obj:
    return {key: value for key, value in spec.items() if key not in keys}


def claim_warnings(spec: Obj, path: str) -> Iterator[str]:
    """Of a claim, and of those that a StatefulSet makes."""
    resources = spec.get("resources") or {}
    for kind in ("requests", "limits"):
        yield from fraction_warning(resources.get(kind) or {}, "storage", f"{path}.resources.{kind}")


def warnings(claim: Obj, _old: Obj | None) -> Iterator[str]:
    if CLASS_ANNOTATION in annotations_of(claim):
        why = 'deprecated since v1.8; use "storageClassName" attribute instead'
        yield f"metadata.annotations[{CLASS_ANNOTATION}]: {why}"
    yield from claim_warnings(claim["spec"], "spec")


def initial_status(_claim: Obj) -> Obj:
    return {"phase": "Pending"}


def unsupported(claim: Obj) -> Iterator[NotImplementedHere]:
    if claim["spec"].get("volumeMode") == "Block":
        yield NotImplementedHere("spec.volumeMode: Block is not supported by this cluster: volumes are file systems")
    for name in ("dataSource", "dataSourceRef", "volumeAttributesClassName"):
        if claim["spec"].get(name):
            yield NotImplementedHere(f"spec.{name} is not supported by this cluster: volumes start empty")


RESOURCE = Resource(
    plural="persistentvolumeclaims",
    kind="PersistentVolumeClaim",
    short_names=("pvc",),
    subresources=("status",),
    table=CLAIMS,
    fill=fill,
    rules=rules,
    on_create=protect,
    initial_status=initial_status,
    unsupported=unsupported,
    warnings=warnings,
)
