"""What a DELETE does to an object: ends it, or marks it as going and leaves the rest to its finalizers and its kubelet.

Pure. Sources: the deletion chapter of the API conventions (finalizers, propagation policies) and the pod lifecycle
page (grace periods); pods that run nowhere go at once.
"""

from dataclasses import dataclass
from typing import Any

from cluster.api.context import private_copy
from cluster.api.field_errors import FieldError, invalid, not_supported, wrong_options
from cluster.api.resource import Resource
from cluster.client import BadRequest, Conflict, Invalid, Obj
from cluster.timestamps import format_time

_POLICIES = {"Background": None, "Foreground": "foregroundDeletion", "Orphan": "orphan"}
_PROPAGATION_FINALIZERS = frozenset({"foregroundDeletion", "orphan"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOptions:
    """The DeleteOptions of a request; None is "not said"."""

    grace_seconds: int | None = None
    propagation: str | None = None
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False


def parse_delete_options(body: Obj, query: dict[str, str]) -> DeleteOptions:
    """From a DELETE's body, else its query. Raises `BadRequest` or `Invalid` naming the field."""
    preconditions = body.get("preconditions") or {}
    return DeleteOptions(
        grace_seconds=_grace(body.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))),
        propagation=_policy(body, query),
        uid=str(preconditions.get("uid") or ""),
        resource_version=str(preconditions.get("resourceVersion") or ""),
        dry_run=_dry_run(body.get("dryRun") or [query.get("dryRun") or ""]),
    )


def _dry_run(asked: list[str]) -> bool:
    if set(asked) - {"", "All"}:
        raise _wrong(not_supported("dryRun", asked, ["All"]))
    return "All" in asked


def check_preconditions(resource: Resource, obj: Obj, options: DeleteOptions) -> None:
    metadata = obj["metadata"]
    if options.uid and options.uid != metadata["uid"]:
        found = f"the UID in the precondition ({options.uid}) does not match the UID in record ({metadata['uid']})"
        raise _unmet(resource, metadata["name"], f"{found}. The object might have been deleted and then recreated")
    if options.resource_version and options.resource_version != metadata["resourceVersion"]:
        wanted, have = options.resource_version, metadata["resourceVersion"]
        found = f"the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record"
        raise _unmet(resource, metadata["name"], f"{found} ({have}). The object might have been modified")


def _unmet(resource: Resource, name: str, why: str) -> Conflict:
    return Conflict(f'Operation cannot be fulfilled on {resource.kind} "{name}": {why}', kind=resource.kind, name=name)


@dataclass(frozen=True, slots=True)
class Deletion:
    """`marked` is stored first, if anything; then the object ends, if `ends`."""

    marked: Obj | None
    ends: bool


def plan_deletion(resource: Resource, obj: Obj, options: DeleteOptions, now: float) -> Deletion:
    """What a DELETE leads to. `obj` stays as it is. A pod is marked in any case: its last state tells when."""
    marked = private_copy(obj)
    metadata, is_pod = marked["metadata"], resource.key == "pods"
    _set_propagation(metadata, options.propagation or _usual(resource, metadata))
    grace = _grace_of_pod(marked, options.grace_seconds) if is_pod else 0
    _mark(metadata, grace, now, has_grace=resource.key != "namespaces")
    if resource.key == "namespaces":
        marked.setdefault("status", {})["phase"] = "Terminating"
    ends = is_finished(resource, marked)
    return Deletion(None if ends and not is_pod else marked, ends)


def is_finished(resource: Resource, obj: Obj) -> bool:
    """Whether an object that was marked as going has nothing left to wait for."""
    metadata = obj["metadata"]
    return (
        "deletionTimestamp" in metadata
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
        and not _namespace_finalizers(resource, obj)
    )


def _namespace_finalizers(resource: Resource, obj: Obj) -> Any:
    return resource.key == "namespaces" and (obj.get("spec") or {}).get("finalizers")


def _mark(metadata: Obj, grace: int, now: float, *, has_grace: bool) -> None:
    going = metadata.get("deletionGracePeriodSeconds", None if has_grace or "deletionTimestamp" not in metadata else 0)
    if going is not None and grace >= going:
        return
    metadata["deletionTimestamp"] = format_time(now + grace)
    if has_grace:
        metadata["deletionGracePeriodSeconds"] = grace
    if going is None and metadata.get("generation"):
        metadata["generation"] += 1


def _grace_of_pod(pod: Obj, asked: int | None) -> int:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    if not spec.get("nodeName") or status.get("phase") in ("Succeeded", "Failed"):
        return 0
    grace = spec.get("terminationGracePeriodSeconds", 30) if asked is None else asked
    return int(grace) if grace >= 0 else 1


def _usual(resource: Resource, metadata: Obj) -> str | None:
    """What becomes of dependents where nothing is said, here or by a finalizer."""
    settled = _PROPAGATION_FINALIZERS & set(metadata.get("finalizers") or ())
    return "Orphan" if resource.orphans and not settled else None


def _set_propagation(metadata: Obj, policy: str | None) -> None:
    if policy is None:
        return
    kept = [name for name in metadata.get("finalizers") or () if name not in _PROPAGATION_FINALIZERS]
    finalizer = _POLICIES[policy]
    metadata["finalizers"] = [*kept, *([finalizer] if finalizer else [])]
    if not metadata["finalizers"]:
        del metadata["finalizers"]


def _grace(value: object) -> int | None:
    if value is None:
        return None
    try:
        return int(str(value))
    except ValueError:
        raise BadRequest(f'strconv.ParseInt: parsing "{value}": invalid syntax') from None


def _policy(body: Obj, query: dict[str, str]) -> str | None:
    policy = body.get("propagationPolicy") or query.get("propagationPolicy")
    orphan = body.get("orphanDependents")
    if orphan is not None and policy is not None:
        raise _wrong(
            invalid("propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set")
        )
    if orphan is not None:
        return "Orphan" if orphan else "Background"
    if policy is not None and policy not in _POLICIES:
        why = f'Unsupported value: "{policy}": supported values: "Foreground", "Background", "Orphan", "nil"'
        raise _wrong(FieldError("propagationPolicy", "FieldValueNotSupported", why))
    return policy


def _wrong(error: FieldError) -> Invalid:
    return wrong_options("DeleteOptions", error)
