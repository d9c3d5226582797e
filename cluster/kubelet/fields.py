"""The downward API: fields and resources of the pod itself, as text. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cluster.client import Obj
from cluster.kubelet import podspec
from cluster.kubelet.errors import config_error
from cluster.quantity import parse_quantity

_KEYED = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a pod runs; what the API does not say yet when its containers start."""

    node_name: str
    host_ip: str
    pod_ip: str
    allocatable: Mapping[str, str]
    seen: str = ""
    """When the kubelet first saw the pod, as text."""


def field(pod: Obj, place: Place, path: str) -> str:
    """The value of a fieldRef. Raises `StartRefused` for a path that the downward API does not know."""
    meta, spec = pod["metadata"], pod["spec"]
    keyed = _KEYED.fullmatch(path)
    if keyed:
        return str((meta.get(keyed[1]) or {}).get(keyed[2], ""))
    values = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta["namespace"],
        "metadata.uid": meta["uid"],
        "metadata.labels": _lines(meta.get("labels")),
        "metadata.annotations": _lines((meta.get("annotations") or {}) | _origin(place)),
        "spec.nodeName": place.node_name,
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.hostIP": place.host_ip,
        "status.hostIPs": place.host_ip,
        "status.podIP": place.pod_ip,
        "status.podIPs": place.pod_ip,
    }
    if path not in values:
        raise config_error(f"unsupported fieldPath: {path}")
    return str(values[path])


def resource(pod: Obj, place: Place, reference: Obj, container: Obj | None = None) -> str:
    """A resourceFieldRef in units of its divisor, rounded up; a limit that is not set is the node's allocatable."""
    target = podspec.container_named(pod, reference.get("containerName", "")) or container
    if target is None:
        raise config_error(f"container {reference.get('containerName', '')} not found")
    kind, _, name = reference["resource"].partition(".")
    resources = target.get("resources") or {}
    found = (resources.get(kind) or {}).get(name)
    if found is None:
        found = place.allocatable.get(name, "0") if kind == "limits" else "0"
    divisor = parse_quantity(reference.get("divisor") or "1") or 1
    return str(-(-parse_quantity(found) // divisor))


def _origin(place: Place) -> dict[str, str]:
    """What a kubelet notes on its own copy of a pod."""
    return {"kubernetes.io/config.seen": place.seen, "kubernetes.io/config.source": "api"}


def _lines(values: Mapping[str, str] | None) -> str:
    return "\n".join(f'{key}="{_escape(value)}"' for key, value in sorted((values or {}).items()))


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
