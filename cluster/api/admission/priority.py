"""Priority: a pod's class becomes its number."""

from cluster.api.context import Cluster, Write
from cluster.api.errors import forbidden
from cluster.client import Obj

CLASSES = "priorityclasses.scheduling.k8s.io"


def priority(cluster: Cluster, write: Write) -> None:
    if write.operation != "CREATE" or write.resource.key != "pods":
        return
    spec = write.obj["spec"]
    chosen = _class(cluster, write, spec.get("priorityClassName") or "")
    value, policy = chosen.get("value", 0), chosen.get("preemptionPolicy", "PreemptLowerPriority")
    if spec.get("priority", value) != value:
        why = "the integer value of priority must not be provided in pod spec; priority admission controller computed"
        raise forbidden(write.resource, write.name, f"{why} {value} from the given PriorityClass name")
    if name := (chosen.get("metadata") or {}).get("name"):
        spec["priorityClassName"] = name
    spec["priority"] = value
    spec.setdefault("preemptionPolicy", policy)


def _class(cluster: Cluster, write: Write, name: str) -> Obj:
    if not name:
        classes = (entry.object for entry in cluster.store.list(CLASSES))
        return max((c for c in classes if c.get("globalDefault")), key=lambda c: -int(c["value"]), default={})
    entry = cluster.store.get(CLASSES, "", name)
    if entry is None:
        raise forbidden(write.resource, write.name, f"no PriorityClass with name {name} was found")
    return entry.object
