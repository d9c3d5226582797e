"""Small pure readers of Kubernetes objects, shared by controllers, scheduler and kubelets.

Nothing here changes what it is given; objects from the API are shared snapshots.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from cluster.client import Obj
from cluster.timestamps import format_time, parse_time

CERTIFICATE_REQUESTS = "certificatesigningrequests.certificates.k8s.io"


class Key(NamedTuple):
    """Names one object of a known resource; `namespace` is "" for what has none."""

    namespace: str
    name: str


def key_of(obj: Obj) -> Key:
    return Key(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def private_copy(obj: Obj) -> Obj:
    """A deep copy, to be changed; an order faster than `copy.deepcopy`, since objects are JSON."""
    copy: Obj = orjson.loads(orjson.dumps(obj))
    return copy


def uid_of(obj: Obj) -> str:
    return str(obj["metadata"]["uid"])


def labels_of(obj: Obj) -> dict[str, str]:
    labels: dict[str, str] = obj["metadata"].get("labels") or {}
    return labels


def annotations_of(obj: Obj) -> dict[str, str]:
    annotations: dict[str, str] = obj["metadata"].get("annotations") or {}
    return annotations


def newest_marked(objs: Iterable[Obj], annotation: str) -> str:
    """The name of the newest object that an annotation of "true" marks (as a default); "" if none is marked."""
    marked = [obj for obj in objs if annotations_of(obj).get(annotation) == "true"]
    newest = max(marked, key=lambda obj: (obj["metadata"]["creationTimestamp"], obj["metadata"]["name"]), default=None)
    return str(newest["metadata"]["name"]) if newest else ""


def is_going(obj: Obj) -> bool:
    """Whether somebody asked for the object to be deleted."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def created_at(obj: Obj) -> float:
    """Seconds since 1970."""
    return parse_time(obj["metadata"]["creationTimestamp"])


def controller_of(obj: Obj) -> Obj | None:
    """The owner reference of the one controller that manages the object."""
    owners: Iterable[Obj] = obj["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def is_controlled_by(obj: Obj, owner: Obj) -> bool:
    reference = controller_of(obj)
    return reference is not None and reference["uid"] == owner["metadata"]["uid"]


def controller_reference(owner: Obj) -> Obj:
    """What a controller writes into metadata.ownerReferences of what it creates."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def condition(obj: Obj, type: str) -> Obj | None:
    """The status condition of that type."""
    conditions: Iterable[Obj] = (obj.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c["type"] == type), None)


def is_condition_true(obj: Obj, type: str) -> bool:
    found = condition(obj, type)
    return found is not None and found["status"] == "True"


def with_condition(conditions: Iterable[Obj] | None, new: Obj, now: float) -> list[Obj]:
    """The list with `new` in it: in its old place, with its old lastTransitionTime while the status stays the same."""
    new = {**new, "lastTransitionTime": format_time(now)}
    present = list(conditions or ())
    for i, old in enumerate(present):
        if old["type"] == new["type"]:
            if old["status"] == new["status"]:
                new["lastTransitionTime"] = old["lastTransitionTime"]
            return [*present[:i], {**old, **new}, *present[i + 1 :]]
    return [*present, new]


def is_pod_finished(pod: Obj) -> bool:
    """Whether all its containers have ended for good."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def is_pod_active(pod: Obj) -> bool:
    """Neither finished nor going: it counts as a replica."""
    return not is_pod_finished(pod) and not is_going(pod)


def is_pod_ready(pod: Obj) -> bool:
    return is_condition_true(pod, "Ready")


def seconds_until_available(pod: Obj, min_ready_seconds: float, now: float) -> float | None:
    """0 when the pod is available, the seconds left while it is ready but too young, None while it is not ready."""
    ready = condition(pod, "Ready")
    if ready is None or ready["status"] != "True":
        return None
    if not min_ready_seconds:
        return 0.0
    return max(0.0, parse_time(ready["lastTransitionTime"]) + min_ready_seconds - now)


def is_pod_available(pod: Obj, min_ready_seconds: float, now: float) -> bool:
    return seconds_until_available(pod, min_ready_seconds, now) == 0.0


def node_of(pod: Obj) -> str:
    """The name of the node that the pod is bound to; "" while it is bound to none."""
    return str((pod.get("spec") or {}).get("nodeName") or "")


def restarts_of(pod: Obj) -> int:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return sum(int(s.get("restartCount", 0)) for s in statuses)


def pod_from_template(template: Obj, owner: Obj, prefix: str) -> Obj:
    """The pod that a controller creates: the template's labels, annotations, finalizers and spec, owned by `owner`.

    `prefix` becomes generateName; see `cluster.api` for the five random letters that follow it.
    """
    metadata: dict[str, Any] = {"generateName": prefix, "ownerReferences": [controller_reference(owner)]}
    for key in ("labels", "annotations", "finalizers"):
        if value := (template.get("metadata") or {}).get(key):
            metadata[key] = value
    return private_copy({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
