"""The files of configMap, secret, downwardAPI and projected volumes. Pure: what it reads is handed in."""

from collections.abc import Callable
from dataclasses import dataclass

from cluster.client import Obj
from cluster.kubelet.atomic import File
from cluster.kubelet.errors import StartRefused
from cluster.kubelet.fields import Place, field, resource
from cluster.kubelet.security import fs_group, only_user
from cluster.kubelet.sources import Lookup, data_of, missing

DEFAULT_MODE = 0o644
TOKEN_MODE = 0o600
"""Of a token that is one user's or one group's (KEP-2451)."""

# Asks the API for a token with an audience and a lifetime in seconds.
TokenFor = Callable[[str, int], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What a volume's files are made of."""

    pod: Obj
    place: Place
    lookup: Lookup
    token_for: TokenFor


class SourceMissing(Exception):
    """A ConfigMap, Secret or key that a volume needs does not exist; the message is the kubelet's."""


def files(volume: Obj, reader: Reader) -> dict[str, File]:
    """The files of a volume by relative path. Raises `SourceMissing`."""
    if "configMap" in volume:
        return _from_object("configmaps", volume["configMap"], volume["configMap"].get("name", ""), reader)
    if "secret" in volume:
        return _from_object("secrets", volume["secret"], volume["secret"].get("secretName", ""), reader)
    if "downwardAPI" in volume:
        return _downward(volume["downwardAPI"], reader, _mode(volume["downwardAPI"]))
    return _projected(volume["projected"], reader)


def _projected(source: Obj, reader: Reader) -> dict[str, File]:
    mode = _mode(source)
    found: dict[str, File] = {}
    for part in source.get("sources") or ():
        found |= _part(part, reader, mode)
    return found


def _part(part: Obj, reader: Reader, mode: int) -> dict[str, File]:
    if "configMap" in part:
        return _from_object("configmaps", {"defaultMode": mode} | part["configMap"], part["configMap"]["name"], reader)
    if "secret" in part:
        return _from_object("secrets", {"defaultMode": mode} | part["secret"], part["secret"]["name"], reader)
    if "downwardAPI" in part:
        return _downward(part["downwardAPI"], reader, mode)
    if "serviceAccountToken" in part:
        wanted = part["serviceAccountToken"]
        token = reader.token_for(wanted.get("audience", ""), wanted.get("expirationSeconds", 3600))
        owner = only_user(reader.pod)
        private = owner is not None or fs_group(reader.pod) is not None
        return {wanted["path"]: File(token.encode(), TOKEN_MODE if private else mode, owner)}
    raise SourceMissing(f"projected source {', '.join(part)} is not supported here")


def _from_object(resource_name: str, source: Obj, name: str, reader: Reader) -> dict[str, File]:
    found = reader.lookup(resource_name, name)
    if found is None and not source.get("optional"):
        raise SourceMissing(missing(resource_name, name))
    data, mode = data_of(found), _mode(source)
    if not source.get("items"):
        return {key: File(value, mode) for key, value in data.items()}
    items = [item for item in source["items"] if item["key"] in data or not source.get("optional")]
    return {item["path"]: File(_data(resource_name, data, item["key"]), item.get("mode") or mode) for item in items}


def _data(resource_name: str, data: dict[str, bytes], key: str) -> bytes:
    if key not in data:
        kinds = {"configmaps": "configmap references non-existent config", "secrets": "references non-existent secret"}
        raise SourceMissing(f"{kinds[resource_name]} key: {key}")
    return data[key]


def _downward(source: Obj, reader: Reader, mode: int) -> dict[str, File]:
    return {
        i["path"]: File(_downward_item(i, reader).encode(), i.get("mode") or mode) for i in source.get("items") or ()
    }


def _downward_item(item: Obj, reader: Reader) -> str:
    try:
        if "fieldRef" in item:
            return field(reader.pod, reader.place, item["fieldRef"]["fieldPath"])
        return resource(reader.pod, reader.place, item["resourceFieldRef"])
    except StartRefused as refused:
        raise SourceMissing(refused.message) from refused


def _mode(source: Obj) -> int:
    mode = source.get("defaultMode")
    return DEFAULT_MODE if mode is None else int(mode)
