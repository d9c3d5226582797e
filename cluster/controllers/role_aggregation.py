"""ClusterRoles made of others: their rules are those of all that the labels of their aggregationRule select."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from cluster.client import Client, NotFound, Obj, WatchEvent
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller
from cluster.objects import Key, key_of
from cluster.selectors import matches_selector

ROLES = "clusterroles.rbac.authorization.k8s.io"


def controller(context: Context) -> Controller:
    return Controller(
        name="clusterrole-aggregation",
        watches={ROLES: _aggregated(context.client)},
        reconcile=_Reconciler(context.client).reconcile,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    client: Client

    async def reconcile(self, key: Key) -> None:
        try:
            role = self.client.get(ROLES, key.name)
        except NotFound:
            return
        wanted = rules_of(role, self.client.list(ROLES))
        if _selectors(role) and wanted != (role.get("rules") or []):
            self.client.patch(ROLES, key.name, "", {"rules": wanted or None})


def rules_of(role: Obj, roles: Iterable[Obj]) -> list[Any]:
    """The rules of all selected roles, by selector and name, each rule once. Pure."""
    by_name = sorted(roles, key=lambda other: str(other["metadata"]["name"]))
    rules: list[Any] = []
    for selector in _selectors(role):
        for other in by_name:
            if _name(other) != _name(role) and matches_selector(selector, other["metadata"].get("labels")):
                rules += [rule for rule in other.get("rules") or () if rule not in rules]
    return rules


def _selectors(role: Obj) -> list[Obj]:
    return list((role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ())


def _name(role: Obj) -> str:
    return str(role["metadata"]["name"])


def _aggregated(client: Client) -> Callable[[WatchEvent], Iterable[Key]]:
    """Whatever changes among the roles, each role that is made of others is looked at."""

    def keys(_event: WatchEvent) -> Iterable[Key]:
        return [key_of(role) for role in client.list(ROLES) if _selectors(role)]

    return keys
