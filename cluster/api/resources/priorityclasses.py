"""PriorityClasses."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, not_one_of
from cluster.api.metadata import immutable
from cluster.api.resource import Resource
from cluster.api.tables.plain import PRIORITY_CLASSES
from cluster.client import Obj

POLICIES = ("PreemptLowerPriority", "Never")
HIGHEST = 1_000_000_000
SYSTEM = {"system-node-critical": 2 * HIGHEST + 1000, "system-cluster-critical": 2 * HIGHEST}


def fill(priority_class: Obj) -> None:
    priority_class.setdefault("preemptionPolicy", "PreemptLowerPriority")
    priority_class.setdefault("value", 0)


def rules(priority_class: Obj, old: Obj | None) -> Iterator[FieldError]:
    if old is None:
        yield from _check_new(priority_class)
        return
    # What a class is cannot change, so that nothing else is looked at.
    if priority_class["value"] != old["value"]:
        yield forbidden("value", "may not be changed in an update.")
    if priority_class["preemptionPolicy"] != old.get("preemptionPolicy"):
        yield immutable("preemptionPolicy", priority_class["preemptionPolicy"])


def _check_new(priority_class: Obj) -> Iterator[FieldError]:
    name, value = priority_class["metadata"].get("name", ""), priority_class["value"]
    if not name.startswith("system-"):
        if value > HIGHEST:
            yield forbidden("value", f"maximum allowed value of a user defined priority is {HIGHEST}")
    elif wrong := _not_the_systems(name, value, is_default=bool(priority_class.get("globalDefault"))):
        why = "priority class names with 'system-' prefix are reserved for system use only. error: "
        yield forbidden("metadata.name", f"{why}{wrong}")
    if (policy := priority_class["preemptionPolicy"]) not in POLICIES:
        yield not_one_of("preemptionPolicy", policy, POLICIES)


def _not_the_systems(name: str, value: int, *, is_default: bool) -> str:
    """In what a class differs from Kubernetes' own of that name; "" if in nothing."""
    if name not in SYSTEM:
        return f"{name} is not a known system priority class"
    if value != SYSTEM[name]:
        return f"value of {name} PriorityClass must be {SYSTEM[name]}"
    return f"globalDefault of {name} PriorityClass must be false" if is_default else ""


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
