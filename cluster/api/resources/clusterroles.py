"""ClusterRoles."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, required
from cluster.api.metadata import path_segment
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_selector
from cluster.api.resources.rbac import GROUP, check_role, fill_role
from cluster.api.tables.table import NAME_AND_CREATED_AT
from cluster.client import Obj


def rules(role: Obj, _old: Obj | None) -> Iterator[FieldError]:
    yield from check_role(role, namespaced=False)
    if (made_of := role.get("aggregationRule")) is None:
        return
    where = "aggregationRule.clusterRoleSelectors"
    if not made_of.get("clusterRoleSelectors"):
        yield required(where, "at least one clusterRoleSelector required if aggregationRule is non-nil")
    for i, selector in enumerate(made_of.get("clusterRoleSelectors") or ()):
        yield from check_selector(selector, f"{where}[{i}]")


RESOURCE = Resource(
    group=GROUP,
    plural="clusterroles",
    kind="ClusterRole",
    namespaced=False,
    name_rule=path_segment,
    table=NAME_AND_CREATED_AT,
    fill=fill_role,
    rules=rules,
)
