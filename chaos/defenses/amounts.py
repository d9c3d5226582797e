"""Requests and limits as the API server completes them, and how they are written into a container."""

from typing import Any, Literal

from chaos.manifests import Manifests, Obj, items, mapping, of_kind

Side = Literal["requests", "limits"]


def range_defaults(manifests: Manifests, namespace: str, side: Side) -> dict[str, Any]:
    """What LimitRanges of the namespace give a container that says nothing."""
    given: dict[str, Any] = {}
    for limit_range in of_kind(manifests, "LimitRange"):
        for entry in items(limit_range.data, "spec", "limits") if limit_range.namespace == namespace else ():
            if entry.get("type") == "Container":
                limits = {**mapping(entry, "max"), **mapping(entry, "default")}
                given |= limits if side == "limits" else {**limits, **mapping(entry, "defaultRequest")}
    return given


def effective(container: Obj, side: Side, defaults: dict[str, Any]) -> dict[str, Any]:
    """A container's requests or limits as the API server completes them, given the namespace's `defaults`."""
    own = mapping(container, "resources", side)
    limits = mapping(container, "resources", "limits") if side == "requests" else {}
    return {**defaults, **limits, **own}


def write(container: Obj, side: Side, values: dict[str, Any]) -> None:
    """These values and no others; a side without values is left out."""
    resources = {**mapping(container, "resources"), side: values}
    resources = {key: value for key, value in resources.items() if value or key not in ("requests", "limits")}
    container.pop("resources", None)
    if resources:
        container["resources"] = resources
