"""ResourceQuotas."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, in_go, invalid, required
from cluster.api.resource import Resource
from cluster.api.resources.resource_rules import QUOTA, check_amounts, check_quota_resource
from cluster.api.resources.unsupported import refusal
from cluster.api.tables.policy import QUOTAS
from cluster.client import NotImplementedHere, Obj
from cluster.quantity import parse_quantity

SCOPES = frozenset(
    {
        *("BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "PriorityClass"),
        *("Terminating", "VolumeAttributesClass"),
    }
)
_COMPUTE = ("cpu", "memory")
_OF_PODS = frozenset({"pods", *_COMPUTE, *(f"{field}.{name}" for field in ("limits", "requests") for name in _COMPUTE)})
_OF_CLAIMS = frozenset({"persistentvolumeclaims", "requests.storage"})
_ONLY_EXISTS = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)
_NEED_EXISTS = frozenset({"Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "CrossNamespacePodAffinity"})
_LIMITED = ("cpu", "memory", "storage", "ephemeral-storage")


def fill(quota: Obj) -> None:
    quota.setdefault("spec", {})


def rules(quota: Obj, old: Obj | None) -> Iterator[FieldError]:
    spec = quota["spec"]
    hard, scopes = spec.get("hard") or {}, spec.get("scopes") or []
    yield from check_amounts(hard, "spec.hard", check_quota_resource)
    for scope in scopes:
        if scope not in SCOPES:
            yield invalid("spec.scopes", scopes, "unsupported scope")
        yield from _check_scoped(scope, hard, "spec.scopes", scopes)
    yield from _check_together(scopes, "spec.scopes", scopes or None)
    yield from _check_selector(spec, "spec.scopeSelector.matchExpressions")
    if old is not None and set(scopes) != set(old["spec"].get("scopes") or ()):
        yield invalid("spec.scopes", scopes or None, "field is immutable")


def _check_selector(spec: Obj, path: str) -> Iterator[FieldError]:
    terms = (spec.get("scopeSelector") or {}).get("matchExpressions") or []
    shown = {"MatchExpressions": [in_go(term, "ScopeName Operator Values") for term in terms]}
    for term in terms:
        scope = term.get("scopeName", "")
        if scope not in SCOPES:
            yield invalid(f"{path}.scopeName", scope, "unsupported scope")
        yield from _check_scoped(scope, spec.get("hard") or {}, path, shown)
        yield from _check_term(term, path)
    yield from _check_together([term.get("scopeName", "") for term in terms], path, spec.get("scopes"))


def _check_scoped(scope: str, hard: Obj, path: str, shown: object) -> Iterator[FieldError]:
    """Each thing bounded that the scope says nothing of; Kubernetes shows all scopes each time."""
    valid = _scoped(scope)
    for name in sorted(hard):
        if valid is not None and (name in QUOTA or "hugepages-" in name) and name not in valid:
            yield invalid(path, shown, "unsupported scope applied to resource")


def _check_together(names: list[str], path: str, shown: object) -> Iterator[FieldError]:
    for pair in ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"}):
        if pair <= set(names):
            yield invalid(path, shown, "conflicting scopes")


def _check_term(term: Obj, path: str) -> Iterator[FieldError]:
    operator, values = term.get("operator", ""), term.get("values") or []
    if term.get("scopeName") in _NEED_EXISTS and operator != "Exists":
        yield invalid(f"{path}.operator", operator, _ONLY_EXISTS)
    if operator in ("In", "NotIn"):
        if not values:
            why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            yield required(f"{path}.values", why)
    elif operator not in ("Exists", "DoesNotExist"):
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    elif values:
        why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
        yield invalid(f"{path}.values", values, why)


def _scoped(scope: str) -> frozenset[str] | None:
    """What a scope can be applied to; None for one that nobody knows."""
    if scope not in SCOPES:
        return None
    return {"BestEffort": frozenset({"pods"}), "VolumeAttributesClass": _OF_CLAIMS}.get(scope, _OF_PODS)


def unsupported(quota: Obj) -> Iterator[NotImplementedHere]:
    terms = (quota["spec"].get("scopeSelector") or {}).get("matchExpressions") or ()
    if "VolumeAttributesClass" in {*(quota["spec"].get("scopes") or ()), *(term.get("scopeName") for term in terms)}:
        yield refusal("spec.scopes: VolumeAttributesClass", "volumes have no classes of attributes")


def warnings(quota: Obj, old: Obj | None) -> Iterator[str]:
    hard = quota["spec"].get("hard") or {}
    for name in _LIMITED if old is None else ():
        request, limit = f"requests.{name}", f"limits.{name}"
        if request not in hard and name in _COMPUTE:
            request = name
        if {request, limit} <= hard.keys() and parse_quantity(hard[request]) > parse_quantity(hard[limit]):
            yield f"ResourceQuota {request} ({hard[request]}) should be less than {limit} ({hard[limit]})"


RESOURCE = Resource(
    plural="resourcequotas",
    kind="ResourceQuota",
    short_names=("quota",),
    subresources=("status",),
    table=QUOTAS,
    fill=fill,
    rules=rules,
    unsupported=unsupported,
    warnings=warnings,
)
