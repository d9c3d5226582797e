"""Roles."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError
from cluster.api.metadata import path_segment
from cluster.api.resource import Resource
from cluster.api.resources.rbac import GROUP, check_role, fill_role
from cluster.api.tables.table import NAME_AND_CREATED_AT
from cluster.client import Obj


def rules(role: Obj, _old: Obj | None) -> Iterator[FieldError]:
    return check_role(role, namespaced=True)


RESOURCE = Resource(
    group=GROUP,
    plural="roles",
    kind="Role",
    name_rule=path_segment,
    table=NAME_AND_CREATED_AT,
    fill=fill_role,
    rules=rules,
)
