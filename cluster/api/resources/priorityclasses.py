"""PriorityClasses."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, not_one_of
from cluster.api.metadata import immutable
from cluster.api.resource import Resource
from cluster.api.tables.plain import PRIORITY_CLASSES
from cluster.client import Obj

POLICIES = ("PreemptLowerPriority", "Never")
HIGHEST = 1_000_000_000
SYSTEM = frozenset({"system-cluster-critical", "system-node-critical"})


def fill(priority_class: Obj) -> None:
    priority_class.setdefault("preemptionPolicy", "PreemptLowerPriority")
    priority_class.setdefault("value", 0)


def rules(priority_class: Obj, old: Obj | None) -> Iterator[FieldError]:
    is_system = priority_class["metadata"].get("name", "").startswith("system-")
    if priority_class["value"] > HIGHEST and not is_system:
        yield forbidden("value", f"maximum allowed value of a user defined priority is {HIGHEST}")
    if is_system and old is None and (name := priority_class["metadata"]["name"]) not in SYSTEM:
        why = "priority class names with 'system-' prefix are reserved for system use only. error: "
        yield forbidden("metadata.name", f"{why}{name} is not a known system priority class")
    if (policy := priority_class["preemptionPolicy"]) not in POLICIES:
        yield not_one_of("preemptionPolicy", policy, POLICIES)
    if old is not None and priority_class["value"] != old["value"]:
        yield forbidden("value", "may not be changed in an update.")
    if old is not None and policy != old.get("preemptionPolicy"):
        yield immutable("preemptionPolicy", policy)


def desired(priority_class: Obj) -> Obj:
    return {k: v for k, v in priority_class.items() if k != "metadata"}


RESOURCE = Resource(
    group="scheduling.k8s.io",
    plural="priorityclasses",
    kind="PriorityClass",
    namespaced=False,
    short_names=("pc",),
    table=PRIORITY_CLASSES,
    desired=desired,
    fill=fill,
    rules=rules,
)
