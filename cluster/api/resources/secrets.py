"""Secrets."""

import base64
from collections.abc import Iterator

from cluster.api.bodies import parse_patch_data
from cluster.api.field_errors import FieldError, invalid, required, too_long
from cluster.api.metadata import immutable
from cluster.api.resource import Resource
from cluster.api.resources.configmaps import BYTES_MAX, check_immutable, check_keys, decoded_size
from cluster.api.resources.key_pairs import key_pair_warnings
from cluster.api.tables.plain import SECRETS
from cluster.client import BadRequest, Obj

_NEEDED = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


_JSON = frozenset({".dockerconfigjson", ".dockercfg"})
_TOKEN, _ACCOUNT = "kubernetes.io/service-account-token", "kubernetes.io/service-account.name"


def fill(secret: Obj) -> None:
    secret.setdefault("type", "Opaque")
    if plain := secret.pop("stringData", None):
        data = secret["data"] = dict(secret.get("data") or {})
        for key, value in plain.items():
            data[key] = base64.b64encode(value.encode()).decode()


def rules(secret: Obj, old: Obj | None) -> Iterator[FieldError]:
    data = secret.get("data") or {}
    if old is not None and secret["type"] != old.get("type"):
        yield immutable("type", secret["type"])
    yield from check_immutable(secret, old, ("data",))
    yield from check_keys(data, "data")
    if sum(map(decoded_size, data.values())) > BYTES_MAX:
        yield too_long("data", BYTES_MAX)
    for key in _NEEDED.get(secret["type"], ()):
        if key not in data or (key == "ssh-privatekey" and not data[key]):
            yield required(f"data[{key}]")
    for key in _JSON & data.keys() & set(_NEEDED.get(secret["type"], ())):
        yield from _check_json(data[key], f"data[{key}]")
    if secret["type"] == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        yield required("data[username]")
        yield required("data[password]")
    if secret["type"] == _TOKEN and not (secret["metadata"].get("annotations") or {}).get(_ACCOUNT):
        yield required(f"metadata.annotations[{_ACCOUNT}]")


def warnings(secret: Obj, _old: Obj | None) -> Iterator[str]:
    """A certificate and a key that do not go together are kept, and of no use."""
    if secret["type"] == "kubernetes.io/tls":
        cert, key = (base64.b64decode((secret.get("data") or {}).get(f"tls.{part}", "")) for part in ("crt", "key"))
        yield from key_pair_warnings(cert, key)


def _check_json(value: str, path: str) -> Iterator[FieldError]:
    try:
        parse_patch_data(base64.b64decode(value))
    except BadRequest as error:
        yield invalid(path, "<secret contents redacted>", error.message)


def selectable(secret: Obj) -> dict[str, str]:
    return {"type": secret.get("type", "")}


RESOURCE = Resource(
    plural="secrets",
    kind="Secret",
    table=SECRETS,
    fill=fill,
    rules=rules,
    fields=selectable,
    warnings=warnings,
)
