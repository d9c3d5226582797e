"""ResourceQuotas."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, invalid
from cluster.api.resource import Resource
from cluster.api.resources.checks import check_enum, check_quantities
from cluster.api.tables.policy import QUOTAS
from cluster.client import Obj

SCOPES = ("BestEffort", "NotBestEffort", "NotTerminating", "PriorityClass", "Terminating")
_COMPUTE = frozenset(
    f"{field}{name}" for field in ("", "requests.", "limits.") for name in ("cpu", "memory", "ephemeral-storage")
) | {"pods"}
_OF_SCOPE = {"BestEffort": frozenset({"pods"})}
_STANDARD = _COMPUTE | {
    "configmaps",
    "persistentvolumeclaims",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
    "storage",
}


def fill(quota: Obj) -> None:
    quota.setdefault("spec", {})


def rules(quota: Obj, _old: Obj | None) -> Iterator[FieldError]:
    spec = quota["spec"]
    for name in spec.get("hard") or ():
        if not _is_counted(name):
            yield invalid(f"spec.hard[{name}]", name, "must be a standard resource type or fully qualified")
            yield invalid(f"spec.hard[{name}]", name, "must be a standard resource for quota")
    yield from check_quantities(spec.get("hard"), "spec.hard")
    yield from _check_scopes(spec.get("scopes") or [], spec.get("hard") or {})
    for i, expression in enumerate((spec.get("scopeSelector") or {}).get("matchExpressions") or ()):
        at = f"spec.scopeSelector.matchExpressions[{i}]"
        yield from check_enum(expression, at, "scopeName", SCOPES)
        yield from check_enum(expression, at, "operator", ("DoesNotExist", "Exists", "In", "NotIn"))


def _is_counted(name: str) -> bool:
    return "/" in name or name in _STANDARD or name.startswith("requests.")


def _check_scopes(scopes: list[str], hard: Obj) -> Iterator[FieldError]:
    for scope in scopes:
        if scope not in SCOPES:
            yield invalid("spec.scopes", scopes, "unsupported scope")
        elif any(name not in _OF_SCOPE.get(scope, _COMPUTE) for name in hard):
            yield invalid("spec.scopes", scopes, "unsupported scope applied to resource")
    for pair in (("BestEffort", "NotBestEffort"), ("NotTerminating", "Terminating")):
        if set(pair) <= set(scopes):
            yield invalid("spec.scopes", scopes, "conflicting scopes")


RESOURCE = Resource(
    plural="resourcequotas",
    kind="ResourceQuota",
    short_names=("quota",),
    subresources=("status",),
    table=QUOTAS,
    fill=fill,
    rules=rules,
)
