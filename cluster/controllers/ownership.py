"""Which pods (or ReplicaSets) a controller manages: those it owns, and orphans that its selector matches.

A pod that stops matching is released; a matching pod without a controller is adopted (Kubernetes' reference manager).
"""

from collections.abc import Callable, Iterable

from cluster.client import ApiError, Client, NotFound, Obj, WatchEvent
from cluster.objects import Key, controller_of, controller_reference, is_going, key_of, labels_of
from cluster.selectors import matches_selector


def claim(client: Client, resource: str, owner: Obj) -> list[Obj]:
    """The objects of `resource` that `owner` manages from now on. Raises `ApiError` when one cannot be claimed."""
    present = client.list(resource, owner["metadata"]["namespace"])
    return list(filter(None, (_claimed(client, resource, owner, obj) for obj in present)))


def owners_of(kind: str) -> Callable[[WatchEvent], Iterable[Key]]:
    """The key of the controlling object of that kind, before and after the change."""

    def keys(event: WatchEvent) -> Iterable[Key]:
        for obj in (event.object, event.old):
            reference = controller_of(obj) if obj is not None else None
            if obj is not None and reference is not None and reference["kind"] == kind:
                yield Key(obj["metadata"]["namespace"], reference["name"])

    return keys


def owners_or_candidates(client: Client, kind: str, resource: str) -> Callable[[WatchEvent], Iterable[Key]]:
    """Like `owners_of`; for an orphan, whoever could adopt it."""
    owners = owners_of(kind)

    def keys(event: WatchEvent) -> Iterable[Key]:
        yield from owners(event)
        if controller_of(event.object) is None and event.type != "DELETED":
            candidates = client.list(resource, event.object["metadata"]["namespace"])
            yield from (key_of(c) for c in candidates if _matches(c, event.object))

    return keys


def _claimed(client: Client, resource: str, owner: Obj, obj: Obj) -> Obj | None:
    reference = controller_of(obj)
    if reference is not None and reference["uid"] != owner["metadata"]["uid"]:
        return None
    if reference is not None:
        if _matches(owner, obj):
            return obj
        _release(client, resource, owner, obj)
        return None
    can_adopt = _matches(owner, obj) and not is_going(obj) and not is_going(owner)
    return _adopt(client, resource, owner, obj) if can_adopt else None


def _adopt(client: Client, resource: str, owner: Obj, obj: Obj) -> Obj | None:
    owners = [*(obj["metadata"].get("ownerReferences") or ()), controller_reference(owner)]
    return _set_owners(client, resource, obj, owners)


def _release(client: Client, resource: str, owner: Obj, obj: Obj) -> None:
    if is_going(owner):
        return
    uid = owner["metadata"]["uid"]
    _set_owners(client, resource, obj, [o for o in obj["metadata"]["ownerReferences"] if o["uid"] != uid])


def _set_owners(client: Client, resource: str, obj: Obj, owners: list[Obj]) -> Obj | None:
    key = key_of(obj)
    metadata = {"uid": obj["metadata"]["uid"], "ownerReferences": owners or None}
    try:
        return client.patch(resource, key.name, key.namespace, {"metadata": metadata})
    except NotFound:
        return None
    except ApiError as refused:
        refused.message = f"cannot set the owners of {resource} {key.name}: {refused.message}"
        raise


def _matches(owner: Obj, obj: Obj) -> bool:
    return matches_selector(_selector(owner), labels_of(obj))


def _selector(owner: Obj) -> Obj | None:
    """A ReplicationController has labels for one, as in the first days."""
    selector: Obj | None = owner["spec"].get("selector")
    return {"matchLabels": selector} if owner["kind"] == "ReplicationController" else selector
