"""LimitRanger: a namespace's LimitRanges fill in requests and limits, and bound them.

Source: the page "Limit Ranges", and a recording for the annotation's wording.
"""

from collections.abc import Iterator

from cluster.api.context import Cluster, Write
from cluster.api.errors import forbidden
from cluster.client import Obj
from cluster.quantity import parse_quantity
from cluster.quota import pod_resources

_BOUNDED = ("pods", "persistentvolumeclaims")
ANNOTATION = "kubernetes.io/limit-ranger"


def limit_defaults(cluster: Cluster, write: Write) -> None:
    """Give each container of a new pod the defaults for what it does not say."""
    if write.operation != "CREATE" or write.resource.key != "pods":
        return
    for item in _items(cluster, write, "Container"):
        notes = list(apply_defaults(write.obj["spec"], item))
        if notes:
            annotations = write.obj["metadata"].setdefault("annotations", {})
            annotations[ANNOTATION] = f"LimitRanger plugin set: {'; '.join(notes)}"


def limit_bounds(cluster: Cluster, write: Write) -> None:
    """Refuse a new pod or claim, and a resize, out of bounds, naming every bound of the first LimitRange it breaks."""
    if not (write.is_resize or write.operation == "CREATE") or write.resource.key not in _BOUNDED:
        return
    for entry in cluster.store.list("limitranges", write.namespace):
        items = entry.object["spec"].get("limits") or ()
        found = [error for item in items for error in out_of_bounds(write.resource.key, write.obj, item)]
        if found:
            raise forbidden(write.resource, write.name, found[0] if len(found) == 1 else f"[{', '.join(found)}]")


def apply_defaults(spec: Obj, item: Obj) -> Iterator[str]:
    """Fill in what containers do not say, in place; yields what was set, as the annotation tells it."""
    for noun, field in (("container", "containers"), ("init container", "initContainers")):
        for container in spec.get(field) or ():
            resources = container.setdefault("resources", {})
            for kind, defaults in (("request", item.get("defaultRequest")), ("limit", item.get("default"))):
                added = _fill(resources, f"{kind}s", defaults or {})
                if added:
                    yield f"{', '.join(added)} {kind} for {noun} {container.get('name', '')}"


def out_of_bounds(key: str, obj: Obj, item: Obj) -> Iterator[str]:
    """Which bounds of one LimitRange item an object breaks. Pure."""
    match key, item["type"]:
        case "pods", "Container":
            for container in [*(obj["spec"].get("containers") or ()), *(obj["spec"].get("initContainers") or ())]:
                yield from _check(item, container.get("resources") or {})
        case "pods", "Pod":
            yield from _check(item, pod_resources(obj["spec"]))
        case "persistentvolumeclaims", "PersistentVolumeClaim":
            requests = (obj["spec"].get("resources") or {}).get("requests") or {}
            yield from _check_claim(item, requests)


def _items(cluster: Cluster, write: Write, type: str = "") -> Iterator[Obj]:
    for entry in cluster.store.list("limitranges", write.namespace):
        for item in entry.object["spec"].get("limits") or ():
            if not type or item["type"] == type:
                yield item


def _fill(resources: Obj, field: str, defaults: dict[str, str]) -> list[str]:
    present = resources.get(field) or {}
    added = {name: value for name, value in sorted(defaults.items()) if name not in present}
    if added:
        resources[field] = {**present, **added}
    return list(added)


def _check(item: Obj, resources: Obj) -> Iterator[str]:
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for name, least in sorted((item.get("min") or {}).items()):
        yield from _at_least(name, item["type"], least, requests.get(name), limits.get(name))
    for name, most in sorted((item.get("max") or {}).items()):
        yield from _at_most(name, item["type"], most, requests.get(name), limits.get(name))
    for name, ratio in (item.get("maxLimitRequestRatio") or {}).items():
        yield from _ratio(name, item["type"], ratio, requests.get(name), limits.get(name))


def _check_claim(item: Obj, requests: dict[str, str]) -> Iterator[str]:
    """A claim has no limit: its request is held to both bounds."""
    yield from _check({**item, "max": {}}, {"requests": requests})
    for name, most in sorted((item.get("max") or {}).items()):
        if name in requests and parse_quantity(requests[name]) > parse_quantity(most):
            yield f"maximum {name} usage per {item['type']} is {most}, but request is {requests[name]}"


def _at_least(name: str, type: str, least: str, request: str | None, limit: str | None) -> Iterator[str]:
    head = f"minimum {name} usage per {type} is {least}"
    if request is None:
        yield f"{head}.  No request is specified"
    elif parse_quantity(request) < parse_quantity(least):
        yield f"{head}, but request is {request}"
    elif limit is not None and parse_quantity(limit) < parse_quantity(least):
        yield f"{head}, but limit is {limit}"


def _at_most(name: str, type: str, most: str, request: str | None, limit: str | None) -> Iterator[str]:
    head = f"maximum {name} usage per {type} is {most}"
    if limit is None:
        yield f"{head}.  No limit is specified"
    elif parse_quantity(limit) > parse_quantity(most):
        yield f"{head}, but limit is {limit}"
    elif request is not None and parse_quantity(request) > parse_quantity(most):
        yield f"{head}, but request is {request}"


def _ratio(name: str, type: str, most: str, request: str | None, limit: str | None) -> Iterator[str]:
    head = f"{name} max limit to request ratio per {type} is {most}"
    asked, bound = parse_quantity(request or "0"), parse_quantity(limit or "0")
    if asked == 0 or bound == 0:
        missing = "no request" if asked == 0 else "no limit"
        yield f"{head}, but {missing} is specified or {missing.removeprefix('no ')} is 0"
    elif bound / asked > parse_quantity(most):
        yield f"{head}, but provided ratio is {float(bound / asked):f}"
