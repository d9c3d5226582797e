"""The rules of a pod's volumes."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, duplicate, forbidden, invalid, not_supported, required
from cluster.api.metadata import label
from cluster.api.resources.checks import check_name, check_required
from cluster.api.resources.field_rules import FILE_FIELDS, check_field_path, check_resource_field
from cluster.client import Obj
from cluster.quantity import parse_quantity

# In the order in which they are looked at: the first is the volume's kind, the others are too many.
_KINDS = (
    *("emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi"),
    *("glusterfs", "flocker", "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc"),
    *("flexVolume", "configMap", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk"),
    *("storageos", "projected", "scaleIO", "csi", "ephemeral", "image"),
)
_CALLED = {"downwardAPI": "downwarAPI", "cephfs": "cephFS"}
"""Where a refusal names the field otherwise."""
_NAMED_BY = {"secret": "secretName", "configMap": "name", "persistentVolumeClaim": "claimName"}
_PATH_TYPES = ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket")
_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_SECONDS_MIN, _SECONDS_MAX = 600, 2**32


def sound_volumes(volumes: list[Obj], path: str) -> tuple[set[str], list[FieldError]]:
    """The names by which containers may mount, which are those of volumes without a mistake; and the mistakes."""
    names: set[str] = set()
    errors: list[FieldError] = []
    for i, volume in enumerate(volumes):
        wrong = [
            *_check_source(volume, f"{path}[{i}]"),
            *_check_name(volume.get("name", ""), f"{path}[{i}].name", names),
        ]
        errors += wrong
        names |= set() if wrong else {volume["name"]}
    return names, errors


def _check_name(name: str, path: str, names: set[str]) -> Iterator[FieldError]:
    if not name:
        yield required(path)
    else:
        yield from check_name(name, path, label)
    if name in names:
        yield duplicate(path, name)


def _check_source(volume: Obj, path: str) -> Iterator[FieldError]:
    kinds = [kind for kind in _KINDS if volume.get(kind) is not None]
    if not kinds:
        yield required(path, "must specify a volume type")
    for i, kind in enumerate(kinds):
        if i:
            yield forbidden(f"{path}.{_CALLED.get(kind, kind)}", "may not specify more than 1 volume type")
        else:
            yield from _check_one(volume[kind], f"{path}.{kind}", kind)


def _check_one(source: Obj, path: str, kind: str) -> Iterator[FieldError]:
    if kind in _NAMED_BY:
        yield from check_required(source, path, _NAMED_BY[kind])
    yield from check_mode(source.get("defaultMode"), f"{path}.defaultMode")
    match kind:
        case "emptyDir":
            yield from _check_empty_dir(source, path)
        case "hostPath":
            yield from check_host_path(source, path)
        case "secret" | "configMap":
            yield from _check_items(source, path)
        case "downwardAPI":
            for item in source.get("items") or ():
                yield from _check_downward(item, path)
        case "projected":
            yield from _check_projected(source, path)


def _check_empty_dir(source: Obj, path: str) -> Iterator[FieldError]:
    if source.get("sizeLimit") is not None and parse_quantity(source["sizeLimit"]) < 0:
        yield forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def check_host_path(source: Obj, path: str) -> Iterator[FieldError]:
    """Of a pod's volume, and of a PersistentVolume."""
    where, kind = source.get("path", ""), source.get("type")
    if not where:
        yield required(f"{path}.path")
        return
    yield from check_no_backsteps(where, f"{path}.path")
    if kind is not None and kind not in _PATH_TYPES:
        yield not_supported(f"{path}.type", kind, _PATH_TYPES)


def _check_projected(projected: Obj, path: str) -> Iterator[FieldError]:
    paths: set[str] = set()
    for i, source in enumerate(projected.get("sources") or ()):
        yield from _check_projection(source, path, f"{path}.sources[{i}]", paths)


def _check_projection(source: Obj, path: str, at: str, paths: set[str]) -> Iterator[FieldError]:
    for kind in ("secret", "configMap"):
        if (inner := source.get(kind)) is not None:
            yield from check_required(inner, f"{at}.{kind}", "name")
            for i, item in enumerate(inner.get("items") or ()):
                yield from _check_key_to_path(item, f"{at}.{kind}.items[{i}]")
                yield from _check_once(item.get("path", ""), inner.get("name", ""), path, paths)
    for item in (source.get("downwardAPI") or {}).get("items") or ():
        yield from _check_downward(item, f"{at}.downwardAPI")
        yield from _check_once(item.get("path", ""), item.get("path", ""), path, paths)
    if (token := source.get("serviceAccountToken")) is not None:
        yield from _check_token(token, path, f"{at}.serviceAccountToken")
    if len([kind for kind, inner in source.items() if inner is not None]) > 1:
        yield forbidden(at, "may not specify more than 1 volume type per source")


def _check_once(where: str, shown: str, path: str, paths: set[str]) -> Iterator[FieldError]:
    if where and where in paths:
        yield invalid(path, shown, "conflicting duplicate paths")
    paths.add(where)


def _check_token(token: Obj, path: str, at: str) -> Iterator[FieldError]:
    seconds, where = token.get("expirationSeconds", 3600), token.get("path", "")
    if seconds < _SECONDS_MIN:
        yield invalid(f"{at}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
    if seconds > _SECONDS_MAX:
        yield invalid(f"{at}.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds")
    if not where:
        yield required(f"{path}.path")
    else:
        yield from _check_local(where, f"{path}.path")


def _check_items(source: Obj, path: str) -> Iterator[FieldError]:
    for i, item in enumerate(source.get("items") or ()):
        yield from _check_key_to_path(item, f"{path}.items[{i}]")


def _check_key_to_path(item: Obj, path: str) -> Iterator[FieldError]:
    yield from check_required(item, path, "key", "path")
    yield from _check_local(item.get("path", ""), f"{path}.path")
    yield from check_mode(item.get("mode"), f"{path}.mode")


def _check_downward(item: Obj, path: str) -> Iterator[FieldError]:
    field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
    yield from check_required(item, path, "path")
    yield from _check_local(item.get("path", ""), f"{path}.path")
    if field is not None:
        yield from check_field_path(field, f"{path}.fieldRef", FILE_FIELDS)
        if resource is not None:
            yield invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
    elif resource is not None:
        yield from check_resource_field(resource, f"{path}.resourceFieldRef", in_volume=True)
    else:
        yield required(path, "one of fieldRef and resourceFieldRef is required")
    yield from check_mode(item.get("mode"), f"{path}.mode")


def check_mode(mode: int | None, path: str) -> Iterator[FieldError]:
    if mode is not None and not 0 <= mode <= 0o777:
        yield invalid(path, mode, _MODE)


def _check_local(where: str, path: str) -> Iterator[FieldError]:
    """A path below the volume, and none of the kubelet's own, which begin with two dots."""
    yield from check_descending(where, path)
    if where.startswith("..") and not where.startswith("../"):
        yield invalid(path, where, "must not start with '..'")


def check_descending(where: str, path: str) -> Iterator[FieldError]:
    if where.startswith("/"):
        yield invalid(path, where, "must be a relative path")
    yield from check_no_backsteps(where, path)


def check_no_backsteps(where: str, path: str) -> Iterator[FieldError]:
    if ".." in where.split("/"):
        yield invalid(path, where, "must not contain '..'")
