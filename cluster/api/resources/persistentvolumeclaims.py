"""PersistentVolumeClaims."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, not_supported, required
from cluster.api.metadata import subdomain
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_enum, check_name, check_required, check_selector
from cluster.api.tables.storage import CLAIMS
from cluster.client import NotImplementedHere, Obj
from cluster.quantity import parse_quantity

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
PROTECTION = "kubernetes.io/pvc-protection"
ONLY = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"


def fill(claim: Obj) -> None:
    spec = claim.setdefault("spec", {})
    spec.setdefault("volumeMode", "Filesystem")
    if spec.get("dataSource") is not None and spec.get("dataSourceRef") is None:
        spec["dataSourceRef"] = dict(spec["dataSource"])


def protect(claim: Obj) -> None:
    """A claim in use is not deleted from under its pods."""
    finalizers = claim["metadata"].setdefault("finalizers", [])
    if PROTECTION not in finalizers:
        finalizers.append(PROTECTION)


def rules(claim: Obj, old: Obj | None) -> Iterator[FieldError]:
    yield from check_claim_spec(claim["spec"], "spec")
    if old is not None:
        bound = (old.get("status") or {}).get("phase") == "Bound"
        yield from _check_change(claim["spec"], old["spec"], bound=bound)


def check_claim_spec(spec: Obj, path: str) -> Iterator[FieldError]:
    yield from check_access_modes(spec, path)
    yield from check_selector(spec.get("selector"), f"{path}.selector")
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if storage is None:
        yield required(f"{path}.resources[storage]")
    elif parse_quantity(storage) <= 0:
        yield invalid(f"{path}.resources[storage]", storage, "must be greater than zero")
    if spec.get("storageClassName"):
        yield from check_name(spec["storageClassName"], f"{path}.storageClassName", subdomain)
    yield from check_enum(spec, path, "volumeMode", ("Block", "Filesystem"))
    for name in ("dataSource", "dataSourceRef"):
        if spec.get(name) is not None:
            yield from check_required(spec[name], f"{path}.{name}", "kind", "name")


def check_access_modes(spec: Obj, path: str) -> Iterator[FieldError]:
    if not spec.get("accessModes"):
        yield required(f"{path}.accessModes", "at least 1 access mode is required")
    yield from check_modes(spec, path)


def check_modes(spec: Obj, path: str) -> Iterator[FieldError]:
    for mode in spec.get("accessModes") or ():
        if mode not in ACCESS_MODES:
            yield not_supported(f"{path}.accessModes", mode, ACCESS_MODES)
    if "ReadWriteOncePod" in (spec.get("accessModes") or ()) and len(spec["accessModes"]) > 1:
        yield forbidden(f"{path}.accessModes", "may not use ReadWriteOncePod with other access modes")


def _check_change(spec: Obj, old: Obj, *, bound: bool) -> Iterator[FieldError]:
    # The binder writes volumeName, and defaulting may give the class: each once.
    free = ({"resources"} if bound else set()) | {key for key in ("volumeName", "storageClassName") if not old.get(key)}
    if _without(spec, free) != _without(old, free):
        yield forbidden("spec", ONLY)
    wanted, before = _storage(spec), _storage(old)
    if parse_quantity(wanted) < parse_quantity(before):
        yield forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")


def _storage(spec: Obj) -> str:
    """The storage asked for; "0" where nothing is said."""
    return str(((spec.get("resources") or {}).get("requests") or {}).get("storage", "0"))


def _without(spec: Obj, keys: set[str]) -> Obj:
    return {key: value for key, value in spec.items() if key not in keys}


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
)
