"""ResourceQuotas."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_quantities
from cluster.api.tables.policy import QUOTAS
from cluster.client import NotImplementedHere, Obj


def fill(quota: Obj) -> None:
    quota.setdefault("spec", {})


def rules(quota: Obj, _old: Obj | None) -> Iterator[FieldError]:
    return check_quantities(quota["spec"].get("hard"), "spec.hard")


def unsupported(quota: Obj) -> Iterator[NotImplementedHere]:
    for name in ("scopes", "scopeSelector"):
        if quota["spec"].get(name):
            yield NotImplementedHere(
                f"spec.{name} is not supported by this cluster: quotas count the whole namespace; "
                "remove it or use a real cluster"
            )


RESOURCE = Resource(
    plural="resourcequotas",
    kind="ResourceQuota",
    short_names=("quota",),
    subresources=("status",),
    table=QUOTAS,
    fill=fill,
    rules=rules,
    unsupported=unsupported,
)
