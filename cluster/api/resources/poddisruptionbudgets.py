"""PodDisruptionBudgets."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, in_go, invalid
from cluster.api.resource import Resource, spec_of
from cluster.api.resources.checks import check_optional_enum, check_selector, check_share
from cluster.api.resources.status_rules import check_counts
from cluster.api.tables.policy import DISRUPTION_BUDGETS
from cluster.client import Obj

_COUNTS = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")


def fill(budget: Obj) -> None:
    budget.setdefault("spec", {})


def rules(budget: Obj, old: Obj | None) -> Iterator[FieldError]:
    yield from check_counts(budget, old, _COUNTS)
    spec = budget["spec"]
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        shown = in_go(spec, "MinAvailable Selector MaxUnavailable UnhealthyPodEvictionPolicy")
        yield invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set")
    for name in ("minAvailable", "maxUnavailable"):
        yield from check_share(spec.get(name), f"spec.{name}")
    yield from check_selector(spec.get("selector"), "spec.selector")
    yield from check_optional_enum(spec, "spec", "unhealthyPodEvictionPolicy", ("AlwaysAllow", "IfHealthyBudget"))


def initial_status(_budget: Obj) -> Obj:
    return dict.fromkeys(_COUNTS, 0)


RESOURCE = Resource(
    group="policy",
    plural="poddisruptionbudgets",
    kind="PodDisruptionBudget",
    short_names=("pdb",),
    subresources=("status",),
    table=DISRUPTION_BUDGETS,
    desired=spec_of,
    fill=fill,
    rules=rules,
    unconditional=False,
    initial_status=initial_status,
)
