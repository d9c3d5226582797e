"""How the kubelet spells pods, containers and images in messages, events and statuses."""

from cluster.client import Obj


def full_name(pod: Obj) -> str:
    """As in "Back-off restarting failed container app in pod <this>"."""
    meta = pod["metadata"]
    return f"{meta['name']}_{meta['namespace']}({meta['uid']})"


def field_path(kind: str, container: str) -> str:
    """The part of a pod that an event is about; `kind` is `containers`, `initContainers` or `ephemeralContainers`."""
    return f"spec.{kind}{{{container}}}"
