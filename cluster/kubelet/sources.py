"""ConfigMaps and Secrets as a pod of one namespace sees them; missing ones in the kubelet's words."""

import base64
from collections.abc import Callable

from cluster.client import Client, NotFound, Obj

# Gives the ConfigMap or Secret of a name in the pod's namespace; None when there is none.
Lookup = Callable[[str, str], Obj | None]

KINDS = {"configmaps": "ConfigMap", "secrets": "Secret"}


def lookup_in(client: Client, namespace: str) -> Lookup:
    """Reads from the API, where objects are in memory: always the newest, no cache to go stale."""

    def lookup(resource: str, name: str) -> Obj | None:
        try:
            return client.get(resource, name, namespace)
        except NotFound:
            return None

    return lookup


def data_of(source: Obj | None) -> dict[str, bytes]:
    """All keys of a ConfigMap or Secret."""
    if source is None:
        return {}
    if source.get("kind") == "Secret":
        return {key: base64.b64decode(value) for key, value in (source.get("data") or {}).items()}
    text = {key: value.encode() for key, value in (source.get("data") or {}).items()}
    return text | {key: base64.b64decode(value) for key, value in (source.get("binaryData") or {}).items()}


def missing(resource: str, name: str) -> str:
    """configmap "x" not found."""
    return f'{resource.removesuffix("s")} "{name}" not found'
