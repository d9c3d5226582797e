"""ConfigMaps."""

import re
from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, too_long
from cluster.api.resource import Resource
from cluster.api.tables.plain import CONFIG_MAPS
from cluster.client import Obj

BYTES_MAX = 1024 * 1024
KEY_BYTES_MAX = 253
_KEY = re.compile(r"[-._a-zA-Z0-9]+")


def rules(config_map: Obj, old: Obj | None) -> Iterator[FieldError]:
    data, binary = config_map.get("data") or {}, config_map.get("binaryData") or {}
    yield from check_immutable(config_map, old, ("data", "binaryData"))
    for key in data:
        yield from check_key(key, f"data[{key}]")
        if key in binary:
            yield invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    yield from check_keys(binary, "binaryData")
    if sum(len(value.encode()) for value in data.values()) + sum(map(decoded_size, binary.values())) > BYTES_MAX:
        yield too_long("", BYTES_MAX)


def decoded_size(text: str) -> int:
    """How many bytes a text in base64 stands for."""
    return len(text) * 3 // 4 - text[-2:].count("=")


def check_keys(data: Obj, path: str) -> Iterator[FieldError]:
    for key in data:
        yield from check_key(key, f"{path}[{key}]")


def check_key(key: str, path: str) -> Iterator[FieldError]:
    """A key of a ConfigMap or Secret, there or where it is referred to."""
    if len(key.encode()) > KEY_BYTES_MAX:
        yield invalid(path, key, f"must be no more than {KEY_BYTES_MAX} characters")
    if not _KEY.fullmatch(key):
        yield invalid(
            path,
            key,
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' "
            "(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
        )
    if key in (".", ".."):
        yield invalid(path, key, f"must not be '{key}'")
    elif key.startswith(".."):
        yield invalid(path, key, "must not start with '..'")


def check_immutable(obj: Obj, old: Obj | None, names: tuple[str, ...]) -> Iterator[FieldError]:
    """With `immutable: true`, neither the data nor that word may change."""
    if old is None or not old.get("immutable"):
        return
    if not obj.get("immutable"):
        yield forbidden("immutable", "field is immutable when `immutable` is set")
    for name in names:
        if (obj.get(name) or {}) != (old.get(name) or {}):
            yield forbidden(name, "field is immutable when `immutable` is set")


RESOURCE = Resource(
    plural="configmaps",
    kind="ConfigMap",
    short_names=("cm",),
    table=CONFIG_MAPS,
    rules=rules,
)
