"""RoleBindings."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError
from cluster.api.metadata import path_segment
from cluster.api.resource import Resource
from cluster.api.resources.rbac import GROUP, check_binding, fill_binding
from cluster.api.tables.bindings import TABLE
from cluster.client import Obj


def rules(binding: Obj, old: Obj | None) -> Iterator[FieldError]:
    return check_binding(binding, old, kinds=("Role", "ClusterRole"))


RESOURCE = Resource(
    group=GROUP,
    plural="rolebindings",
    kind="RoleBinding",
    name_rule=path_segment,
    table=TABLE,
    fill=fill_binding,
    rules=rules,
)
