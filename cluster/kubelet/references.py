"""Which ConfigMaps and Secrets a pod's volumes are made from. Pure."""

from collections.abc import Iterator

from cluster.client import Obj

_FIELDS = {"configmaps": ("configMap", "name"), "secrets": ("secret", "secretName")}


def mentions(pod: Obj, resource: str, namespace: str, name: str) -> bool:
    """Whether a volume of the pod shows that ConfigMap or Secret."""
    return pod["metadata"]["namespace"] == namespace and name in _names(pod, resource)


def _names(pod: Obj, resource: str) -> Iterator[str]:
    field, key = _FIELDS[resource]
    for volume in pod["spec"].get("volumes") or ():
        if field in volume:
            yield str(volume[field].get(key))
        for part in (volume.get("projected") or {}).get("sources") or ():
            if field in part:
                yield str(part[field].get("name"))
