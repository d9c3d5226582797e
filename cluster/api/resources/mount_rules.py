"""The rules of what a container mounts."""

from collections.abc import Collection, Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, not_found, not_supported, required
from cluster.api.resources.volume_rules import check_descending
from cluster.client import Obj

_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")


def check_mounts(container: Obj, path: str, volumes: Collection[str]) -> Iterator[FieldError]:
    """`volumes`: the names of those that there are. Some fields are named without the place in the list."""
    paths: set[str] = set()
    for i, mount in enumerate(container.get("volumeMounts") or ()):
        yield from _check_place(mount, f"{path}[{i}]", volumes, paths)
        yield from _check_sub_path(mount, f"{path}[{i}]", path)
        yield from _check_propagation(mount, path, container)
        yield from _check_recursion(mount, f"{path}.recursiveReadOnly")


def _check_place(mount: Obj, path: str, volumes: Collection[str], paths: set[str]) -> Iterator[FieldError]:
    name, where = mount.get("name", ""), mount.get("mountPath", "")
    if not name:
        yield required(f"{path}.name")
    if name not in volumes:
        yield not_found(f"{path}.name", name)
    if not where:
        yield required(f"{path}.mountPath")
    if where in paths:
        yield invalid(f"{path}.mountPath", where, "must be unique")
    paths.add(where)


def _check_sub_path(mount: Obj, path: str, mounts: str) -> Iterator[FieldError]:
    inside, expression = mount.get("subPath", ""), mount.get("subPathExpr", "")
    yield from check_descending(inside, f"{mounts}.subPath")
    if inside and expression:
        yield invalid(f"{path}.subPathExpr", expression, "subPathExpr and subPath are mutually exclusive")
    yield from check_descending(expression, f"{mounts}.subPathExpr")


def _check_propagation(mount: Obj, path: str, container: Obj) -> Iterator[FieldError]:
    wanted, at = mount.get("mountPropagation"), f"{path}.mountPropagation"
    if wanted is not None and wanted not in _PROPAGATIONS:
        yield not_supported(at, wanted, _PROPAGATIONS)
    if wanted == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
        yield forbidden(at, "Bidirectional mount propagation is available only to privileged containers")


def _check_recursion(mount: Obj, path: str) -> Iterator[FieldError]:
    wanted = mount.get("recursiveReadOnly")
    if wanted is not None and wanted not in _RECURSIVE:
        yield not_supported(path, wanted, _RECURSIVE)
    elif wanted in ("Enabled", "IfPossible"):
        if not mount.get("readOnly"):
            yield forbidden(path, "may only be specified when readOnly is true")
        if mount.get("mountPropagation") not in (None, "None"):
            yield forbidden(path, "may only be specified when mountPropagation is None or not specified")
