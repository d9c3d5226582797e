"""RoleBindings and ClusterRoleBindings."""

from cluster.api.tables.duration import age
from cluster.api.tables.table import AGE, NAME, Cells, Column, Table, wide
from cluster.api.tables.text import name
from cluster.client import Obj


def cells(binding: Obj, now: float) -> Cells:
    ref, subjects = binding.get("roleRef", {}), binding.get("subjects") or []
    accounts = [f"{s.get('namespace', '')}/{s['name']}" for s in subjects if s.get("kind") == "ServiceAccount"]
    return [
        name(binding),
        f"{ref.get('kind', '')}/{ref.get('name', '')}",
        age(binding, now),
        ", ".join(s["name"] for s in subjects if s.get("kind") == "User"),
        ", ".join(s["name"] for s in subjects if s.get("kind") == "Group"),
        ", ".join(accounts),
    ]


TABLE = Table(
    (NAME, Column(name="Role"), AGE, wide("Users"), wide("Groups"), wide("ServiceAccounts")),
    cells,
)
