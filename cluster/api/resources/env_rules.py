"""The rules of a container's variables."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, invalid, required
from cluster.api.metadata import label, subdomain, with_tail
from cluster.api.resources.checks import check_name
from cluster.api.resources.configmaps import check_key
from cluster.api.resources.field_rules import FIELDS, check_field_path, check_resource_field
from cluster.api.resources.volume_rules import check_no_backsteps
from cluster.client import Obj

_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_NAME = "a valid environment variable name must consist only of printable ASCII characters other than '='"


def check_env(variables: list[Obj], path: str) -> Iterator[FieldError]:
    for i, variable in enumerate(variables):
        if not variable.get("name"):
            yield required(f"{path}[{i}].name")
        else:
            yield from check_name(variable["name"], f"{path}[{i}].name", _variable_name)
        if (source := variable.get("valueFrom")) is not None:
            yield from _check_source(source, f"{path}[{i}].valueFrom", has_value=bool(variable.get("value")))


def _variable_name(name: str) -> list[str]:
    return [] if name.isascii() and name.isprintable() and "=" not in name else [_NAME]


def _check_source(source: Obj, path: str, *, has_value: bool) -> Iterator[FieldError]:
    given = [kind for kind in _SOURCES if source.get(kind) is not None]
    for kind in given:
        yield from _check_reference(source[kind], kind, f"{path}.{kind}")
    if not given:
        *others, last = (f"`{source}`" for source in _SOURCES)
        yield invalid(path, "", f"must specify one of: {', '.join(others)} or {last}")
    elif has_value:
        yield invalid(path, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        yield invalid(path, "", "may not have more than one field specified at a time")


def _check_reference(reference: Obj, kind: str, path: str) -> Iterator[FieldError]:
    match kind:
        case "fieldRef":
            yield from check_field_path(reference, path, FIELDS)
        case "resourceFieldRef":
            yield from check_resource_field(reference, path)
        case "fileKeyRef":
            yield from _check_file(reference, path)
        case _:
            yield from check_name(reference.get("name", ""), f"{path}.name", subdomain)
            yield from _check_key(reference.get("key", ""), f"{path}.key")


def _check_key(key: str, path: str) -> Iterator[FieldError]:
    if not key:
        yield required(path)
    else:
        yield from check_key(key, path)


def _check_file(reference: Obj, path: str) -> Iterator[FieldError]:
    for name in ("key", "volumeName", "path"):
        if not reference.get(name):
            yield required(f"{path}.{name}")
        elif name == "path":
            yield from check_no_backsteps(reference[name], f"{path}.{name}")
        else:
            yield from check_name(reference[name], f"{path}.{name}", _variable_name if name == "key" else label)


def check_env_from(sources: list[Obj], path: str) -> Iterator[FieldError]:
    for i, source in enumerate(sources):
        if source.get("prefix"):
            yield from check_name(source["prefix"], f"{path}[{i}].prefix", _variable_name)
        given = [kind for kind in ("configMapRef", "secretRef") if source.get(kind) is not None]
        for kind in given:
            yield from _check_whole(source[kind].get("name", ""), f"{path}[{i}].{kind}.name")
        if not given:
            yield invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(given) > 1:
            yield invalid(path, "", "may not have more than one field specified at a time")


def _check_whole(name: str, path: str) -> Iterator[FieldError]:
    if not name:
        yield required(path)
    else:
        yield from (invalid(path, name, wrong) for wrong in subdomain(with_tail(name)))
