"""The rules of a pod's volumes."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, duplicate, forbidden, invalid, required
from cluster.api.metadata import label
from cluster.api.resources.checks import check_name, check_range, check_required
from cluster.client import Obj

_NAMED_BY = {"secret": "secretName", "configMap": "name", "persistentVolumeClaim": "claimName", "hostPath": "path"}
_HIGHEST_MODE = 0o777


def check_volumes(volumes: list[Obj], path: str) -> Iterator[FieldError]:
    names: set[str] = set()
    for i, volume in enumerate(volumes):
        at, name = f"{path}[{i}]", volume.get("name", "")
        if not name:
            yield required(f"{at}.name")
        else:
            yield from check_name(name, f"{at}.name", label)
        if name in names:
            yield duplicate(f"{at}.name", name)
        names.add(name)
        yield from _check_source(volume, at)


def _check_source(volume: Obj, path: str) -> Iterator[FieldError]:
    kinds = [kind for kind, source in volume.items() if kind != "name" and source is not None]
    if not kinds:
        yield required(path, "must specify a volume type")
    for extra in kinds[1:]:
        yield forbidden(f"{path}.{extra}", "may not specify more than 1 volume type")
    for kind in kinds[:1]:
        yield from _check_one(volume[kind], f"{path}.{kind}", kind)


def _check_one(source: Obj, path: str, kind: str) -> Iterator[FieldError]:
    if kind in _NAMED_BY:
        yield from check_required(source, path, _NAMED_BY[kind])
    if kind == "hostPath" and ".." in str(source.get("path", "")).split("/"):
        yield invalid(f"{path}.path", source["path"], "must not contain '..'")
    yield from check_range(source.get("defaultMode"), f"{path}.defaultMode", 0, _HIGHEST_MODE)
    if kind == "projected":
        for i, inner in enumerate(source.get("sources") or ()):
            yield from _check_projected(inner, f"{path}.sources[{i}]")
    else:
        yield from _check_items(source, path, "path" if kind == "downwardAPI" else "key")


def _check_projected(source: Obj, path: str) -> Iterator[FieldError]:
    for kind, inner in source.items():
        match kind:
            case "serviceAccountToken":
                yield from check_required(inner, f"{path}.{kind}", "path")
                if (seconds := inner.get("expirationSeconds", 3600)) < 600:
                    at = f"{path}.{kind}.expirationSeconds"
                    yield invalid(at, seconds, "may not specify a duration less than 10 minutes")
            case "configMap" | "secret":
                yield from check_required(inner, f"{path}.{kind}", "name")
                yield from _check_items(inner, f"{path}.{kind}", "key")
            case "downwardAPI":
                yield from _check_items(inner, f"{path}.{kind}", "path")


def _check_downward(item: Obj, path: str) -> Iterator[FieldError]:
    given = [kind for kind in ("fieldRef", "resourceFieldRef") if kind in item]
    if len(given) != 1:
        yield required(path, "one of fieldRef and resourceFieldRef is required")
    for kind in given:
        needed = "fieldPath" if kind == "fieldRef" else "resource"
        yield from check_required(item[kind] or {}, f"{path}.{kind}", needed)


def _check_items(source: Obj, path: str, *needed: str) -> Iterator[FieldError]:
    for i, item in enumerate(source.get("items") or ()):
        at, where = f"{path}.items[{i}]", item.get("path", "")
        if "key" not in needed:
            yield from _check_downward(item, at)
        yield from check_required(item, at, *{*needed, "path"})
        yield from check_range(item.get("mode"), f"{at}.mode", 0, _HIGHEST_MODE)
        if where.startswith("/"):
            yield invalid(f"{at}.path", where, "must be a relative path")
        if ".." in where.split("/"):
            yield invalid(f"{at}.path", where, "must not contain '..'")
