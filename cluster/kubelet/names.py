"""How the kubelet spells pods, containers and images in messages, events and statuses."""

from cluster.client import Obj


def full_name(pod: Obj) -> str:
    """As in "Back-off restarting failed container app in pod <this>"."""
    meta = pod["metadata"]
    return f"{meta['name']}_{meta['namespace']}({meta['uid']})"


def field_path(kind: str, container: str) -> str:
    """The part of a pod that an event is about; `kind` is `containers` or `initContainers`."""
    return f"spec.{kind}{{{container}}}"


def image_reference(name: str) -> str:
    """An image's full reference, as a running container's status shows it: docker.io/library/python:3.12-slim."""
    repository, digest = _split(name)
    first, _, rest = repository.partition("/")
    if not rest:
        return f"docker.io/library/{first}{digest}"
    if "." in first or ":" in first or first == "localhost":
        return f"{repository}{digest}"
    return f"docker.io/{repository}{digest}"


def _split(name: str) -> tuple[str, str]:
    """The repository, and its tag or digest with the sign before it; without one, the tag is latest."""
    if "@" in name:
        at = name.index("@")
        return name[:at], name[at:]
    colon = name.rfind(":")
    return (name[:colon], name[colon:]) if colon > name.rfind("/") else (name, ":latest")
