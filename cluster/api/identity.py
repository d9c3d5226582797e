"""Who an object is: the part of `metadata` that the API server fills in and that no writer changes afterwards."""

import random
import uuid

from cluster.api.errors import conflict
from cluster.api.field_errors import invalid, refuse
from cluster.api.resource import Resource
from cluster.client import ApiError, BadRequest, Conflict, Obj
from cluster.timestamps import format_time

# No vowels, no look-alikes: generated names spell no words.
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5
_BASE_LENGTH = 63 - _SUFFIX_LENGTH
_SERVERS_OWN = ("uid", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink", "resourceVersion")


def settle_namespace(resource: Resource, obj: Obj, namespace: str) -> None:
    """The namespace of the request wins over silence, not over another one."""
    metadata = obj["metadata"]
    if not resource.namespaced:
        metadata.pop("namespace", None)
        return
    metadata["namespace"] = metadata.get("namespace") or namespace
    if metadata["namespace"] != namespace:
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")


def begin(obj: Obj, now: float, chance: random.Random) -> None:
    """Give a new object its name, uid and birthday, whatever the writer claimed."""
    metadata = obj["metadata"]
    for field in _SERVERS_OWN:
        metadata.pop(field, None)
    if not metadata.get("generateName"):
        metadata.pop("generateName", None)
    elif not metadata.get("name"):
        metadata["name"] = generated_name(metadata["generateName"], chance)
    metadata["uid"] = new_uid(chance)
    metadata["creationTimestamp"] = format_time(now)


def check_unwritten(claimed: str | None) -> None:
    """Refuse to create what says that it was written already. A dry run, which does not come that far, may say so."""
    if claimed and claimed.isdecimal() and int(claimed):
        raise ApiError("resourceVersion should not be set on objects to be created", reason="")


def new_uid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def generated_name(base: str, chance: random.Random) -> str:
    return base[:_BASE_LENGTH] + random_suffix(chance)


def random_suffix(chance: random.Random) -> str:
    return "".join(chance.choices(_SUFFIX, k=_SUFFIX_LENGTH))


def check_replacement(resource: Resource, new: Obj, old: Obj) -> None:
    """Refuse an object that is not a successor of `old`: another name, another uid, another revision."""
    metadata, was = new["metadata"], old["metadata"]
    name = was["name"]
    if not (metadata.get("resourceVersion") or "0").isdigit():
        raise ApiError(f'strconv.ParseUint: parsing "{metadata["resourceVersion"]}": invalid syntax', reason="")
    if not metadata.get("name"):
        what = f"the name of the object ({name} based on URL) was undeterminable"
        raise BadRequest(f"{what}: name must be provided")
    if metadata["name"] != name:
        raise BadRequest(f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})")
    if metadata.get("uid") and metadata["uid"] != was["uid"]:
        raise uid_mismatch(resource, name, metadata["uid"], was["uid"])
    if not metadata.get("resourceVersion") and not resource.unconditional:
        error = invalid("metadata.resourceVersion", 0, "must be specified for an update")
        raise refuse([error], group=resource.group, kind=resource.plural, name=name)
    if (metadata.pop("resourceVersion", "") or was["resourceVersion"]) not in ("0", was["resourceVersion"]):
        raise conflict(resource, name)


def uid_mismatch(resource: Resource, name: str, wanted: str, found: str) -> Conflict:
    return conflict(resource, name, f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}")
