"""Lists that an object tells of even when there is nothing in them."""

from cluster.client import Obj


def show_empty(obj: Obj, *names: str) -> None:
    """Such a list is null, given or not: Kubernetes stores none that is empty. Recorded: EndpointSlices."""
    for name in names:
        obj[name] = obj.get(name) or None
