"""ResourceQuotas."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, in_go, invalid, required
from cluster.api.metadata import qualified_name
from cluster.api.resource import Resource
from cluster.api.tables.policy import QUOTAS
from cluster.client import Obj
from cluster.quantity import parse_quantity
from cluster.quota import scope_terms

SCOPES = frozenset(
    {"BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "PriorityClass", "Terminating"}
)
OPERATORS = frozenset({"DoesNotExist", "Exists", "In", "NotIn"})
_COMPUTE = ("cpu", "memory")
_OF_PODS = frozenset({"pods", *_COMPUTE, *(f"{field}.{name}" for field in ("limits", "requests") for name in _COMPUTE)})
# What of a namespace is bounded by plain names; a scope cannot be applied to the others of these.
_COUNTED = frozenset(
    {
        *("pods", "services", "secrets", "configmaps", "persistentvolumeclaims", "replicationcontrollers"),
        *("resourcequotas", "services.nodeports", "services.loadbalancers"),
    }
)
_KNOWN = _OF_PODS | _COUNTED | {"requests.storage"}
_STANDARD = _KNOWN | {"storage", "ephemeral-storage", "requests.ephemeral-storage", "limits.ephemeral-storage"}


def fill(quota: Obj) -> None:
    quota.setdefault("spec", {})


def rules(quota: Obj, old: Obj | None) -> Iterator[FieldError]:
    spec = quota["spec"]
    for name, amount in (spec.get("hard") or {}).items():
        yield from _check_bound(name, amount, f"spec.hard[{name}]")
    names = [term["scopeName"] for term in scope_terms({"scopes": spec.get("scopes")})]
    yield from _check_scopes(names, names, spec.get("hard") or {}, "spec.scopes")
    terms = scope_terms({"scopeSelector": spec.get("scopeSelector")})
    where = "spec.scopeSelector.matchExpressions"
    shown = {"MatchExpressions": [in_go(term, "ScopeName Operator Values") for term in terms]}
    for term in terms:
        yield from _check_scope(term.get("scopeName", ""), shown, spec.get("hard") or {}, where)
        yield from _check_term(term, where)
    yield from _check_together([term.get("scopeName", "") for term in terms], shown, where)
    if old is not None and set(names) != set(old["spec"].get("scopes") or ()):
        yield invalid("spec.scopes", names, "field is immutable")


def _check_bound(name: str, amount: str, path: str) -> Iterator[FieldError]:
    if wrong := qualified_name(name):
        yield invalid(path, name, wrong)
    elif "/" not in name and name not in _STANDARD:
        yield invalid(path, name, "must be a standard resource type or fully qualified")
        yield invalid(path, name, "must be a standard resource for quota")
    if parse_quantity(amount) < 0:
        yield invalid(path, amount, "must be greater than or equal to 0")
    elif (name in _COUNTED or name.startswith("count/")) and parse_quantity(amount).denominator != 1:
        yield invalid(path, amount, "must be an integer")


def _check_scopes(names: list[str], shown: object, hard: Obj, where: str) -> Iterator[FieldError]:
    """All scopes together, and each against what the quota bounds; Kubernetes shows all of them each time."""
    for name in names:
        yield from _check_scope(name, shown, hard, where)
    yield from _check_together(names, shown, where)


def _check_scope(name: str, shown: object, hard: Obj, where: str) -> Iterator[FieldError]:
    if name not in SCOPES:
        yield invalid(where, shown, "unsupported scope")
    elif any(resource not in _scoped(name) for resource in hard if resource in _KNOWN):
        yield invalid(where, shown, "unsupported scope applied to resource")


def _check_together(names: list[str], shown: object, where: str) -> Iterator[FieldError]:
    for pair in ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"}):
        if pair <= set(names):
            yield invalid(where, shown, "conflicting scopes")


def _check_term(term: Obj, path: str) -> Iterator[FieldError]:
    operator, values = term.get("operator", ""), term.get("values") or []
    if operator not in OPERATORS:
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    elif term.get("scopeName") != "PriorityClass" and operator != "Exists":
        detail = (
            "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
        )
        detail += "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or "
        yield invalid(f"{path}.operator", operator, f"{detail}ResourceQuotaScopeCrossNamespacePodAffinity")
    elif operator in ("In", "NotIn") and not values:
        yield required(
            f"{path}.values", "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
        )
    elif operator in ("Exists", "DoesNotExist") and values:
        detail = "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector"
        yield invalid(f"{path}.values", values, detail)


def _scoped(name: str) -> frozenset[str]:
    return frozenset({"pods"}) if name == "BestEffort" else _OF_PODS


RESOURCE = Resource(
    plural="resourcequotas",
    kind="ResourceQuota",
    short_names=("quota",),
    subresources=("status",),
    table=QUOTAS,
    fill=fill,
    rules=rules,
)
