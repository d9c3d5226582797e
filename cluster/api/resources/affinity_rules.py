"""The rules of where a pod wants to be: near what, on which nodes, how far apart."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, duplicate, forbidden, invalid, not_supported, required
from cluster.api.metadata import label, label_value, qualified_name, subdomain
from cluster.api.resources.checks import check_name, check_operator, check_selector
from cluster.client import Obj

_REQUIRED, _PREFERRED = (f"{how}DuringSchedulingIgnoredDuringExecution" for how in ("required", "preferred"))
_OPERATORS = frozenset({"DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"})
_NO_OPERATOR = "not a valid selector operator"
_NO_SELECTOR = "must not be specified when labelSelector is not set"
_ACTIONS, _POLICIES = ("DoNotSchedule", "ScheduleAnyway"), ("Honor", "Ignore")


def check_affinity(affinity: Obj, path: str) -> Iterator[FieldError]:
    yield from _check_node_affinity(affinity.get("nodeAffinity") or {}, f"{path}.nodeAffinity")
    for kind in ("podAffinity", "podAntiAffinity"):
        terms = affinity.get(kind) or {}
        for i, term in enumerate(terms.get(_REQUIRED) or ()):
            yield from _check_pod_term(term, f"{path}.{kind}.{_REQUIRED}[{i}]")
        for i, weighted in enumerate(terms.get(_PREFERRED) or ()):
            at = f"{path}.{kind}.{_PREFERRED}[{i}]"
            yield from _check_weight(weighted, at)
            yield from _check_pod_term(weighted.get("podAffinityTerm") or {}, f"{at}.podAffinityTerm")


def _check_weight(weighted: Obj, path: str) -> Iterator[FieldError]:
    if not 0 < weighted.get("weight", 0) <= 100:
        yield invalid(f"{path}.weight", weighted.get("weight", 0), "must be in the range 1-100")


def _check_node_affinity(affinity: Obj, path: str) -> Iterator[FieldError]:
    if affinity.get(_REQUIRED) is not None:
        yield from check_node_selector(affinity[_REQUIRED], f"{path}.{_REQUIRED}")
    for i, weighted in enumerate(affinity.get(_PREFERRED) or ()):
        at = f"{path}.{_PREFERRED}[{i}]"
        yield from _check_weight(weighted, at)
        yield from _check_node_term(weighted.get("preference") or {}, f"{at}.preference", values=False)


def check_node_selector(selector: Obj, path: str) -> Iterator[FieldError]:
    """Of a pod that has to be on such a node, and of a volume that is."""
    terms = selector.get("nodeSelectorTerms") or []
    if not terms:
        yield required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")
    for i, term in enumerate(terms):
        yield from _check_node_term(term, f"{path}.nodeSelectorTerms[{i}]", values=True)


def _check_node_term(term: Obj, path: str, *, values: bool) -> Iterator[FieldError]:
    """`values`: whether those of labels are looked at."""
    for i, expression in enumerate(term.get("matchExpressions") or ()):
        yield from _check_node_expression(expression, f"{path}.matchExpressions[{i}]", values=values)
    for i, expression in enumerate(term.get("matchFields") or ()):
        yield from _check_node_field(expression, f"{path}.matchFields[{i}]")


def _check_node_expression(expression: Obj, path: str, *, values: bool) -> Iterator[FieldError]:
    operator, given = expression.get("operator", ""), expression.get("values") or []
    yield from check_operator(operator, given, path)
    if operator in ("Gt", "Lt") and len(given) != 1:
        yield required(f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
    elif operator not in _OPERATORS:
        yield invalid(f"{path}.operator", operator, _NO_OPERATOR)
    yield from check_name(expression.get("key", ""), f"{path}.key", qualified_name)
    for i, value in enumerate(given if values else ()):
        yield from check_name(value, f"{path}.values[{i}]", label_value)


def _check_node_field(expression: Obj, path: str) -> Iterator[FieldError]:
    operator, values, key = expression.get("operator", ""), expression.get("values") or [], expression.get("key", "")
    if operator not in ("In", "NotIn"):
        yield invalid(f"{path}.operator", operator, _NO_OPERATOR)
    elif len(values) != 1:
        why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        yield required(f"{path}.values", why)
    if key != "metadata.name":
        yield invalid(f"{path}.key", key, "not a valid field selector key")
        return
    for i, value in enumerate(values):
        yield from check_name(value, f"{path}.values[{i}]", subdomain)


def _check_pod_term(term: Obj, path: str) -> Iterator[FieldError]:
    yield from check_selector(term.get("labelSelector"), f"{path}.labelSelector")
    yield from check_selector(term.get("namespaceSelector"), f"{path}.namespaceSelector")
    for namespace in term.get("namespaces") or ():
        yield from check_name(namespace, f"{path}.namespace", label)
    yield from _check_label_keys(term, path)
    key = term.get("topologyKey", "")
    if not key:
        yield required(f"{path}.topologyKey", "can not be empty")
    yield from check_name(key, f"{path}.topologyKey", qualified_name)


def _check_label_keys(term: Obj, path: str) -> Iterator[FieldError]:
    """The labels whose values a pod's own are compared with."""
    selector = term.get("labelSelector")
    for kind in ("matchLabelKeys", "mismatchLabelKeys"):
        if term.get(kind) and selector is None:
            yield forbidden(f"{path}.{kind}", _NO_SELECTOR)
            continue
        for i, key in enumerate(term.get(kind) or ()):
            yield from check_name(key, f"{path}.{kind}[{i}]", qualified_name)
    yield from _check_selected_twice(term.get("matchLabelKeys") or [], selector or {}, path)
    for i, key in enumerate(term.get("matchLabelKeys") or ()):
        if key in (term.get("mismatchLabelKeys") or ()):
            yield invalid(f"{path}.matchLabelKeys[{i}]", key, "exists in both matchLabelKeys and mismatchLabelKeys")


def _check_selected_twice(keys: list[str], selector: Obj, path: str) -> Iterator[FieldError]:
    """A key that the server adds to the selector may not be there already."""
    known = set(selector.get("matchLabels") or ())
    for expression in selector.get("matchExpressions") or ():
        key = expression.get("key", "")
        if key in keys and key in known:
            yield invalid(f"{path}[{keys.index(key)}]", key, "exists in both matchLabelKeys and labelSelector")
        known.add(key)


def check_spread(constraints: list[Obj], path: str) -> Iterator[FieldError]:
    for i, constraint in enumerate(constraints):
        at = f"{path}[{i}]"
        yield from _check_skew(constraint, at)
        yield from _check_repeated(constraint, constraints[i + 1 :], at)
        yield from _check_domains(constraint, at)
        for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if constraint.get(name) is not None and constraint[name] not in _POLICIES:
                yield not_supported(f"{at}.{name}", constraint[name], _POLICIES)
        yield from _check_label_keys(constraint, at)
        yield from check_selector(constraint.get("labelSelector"), f"{at}.labelSelector")


def _check_skew(constraint: Obj, path: str) -> Iterator[FieldError]:
    skew, action = constraint.get("maxSkew", 0), constraint.get("whenUnsatisfiable", "")
    if skew <= 0:
        yield invalid(f"{path}.maxSkew", skew, "must be greater than zero")
    if not constraint.get("topologyKey"):
        yield required(f"{path}.topologyKey", "can not be empty")
    if action not in _ACTIONS:
        yield not_supported(f"{path}.whenUnsatisfiable", action, _ACTIONS)


def _check_repeated(constraint: Obj, later: list[Obj], path: str) -> Iterator[FieldError]:
    pair = _pair(constraint)
    if pair in map(_pair, later):
        yield duplicate(f"{path}.{{topologyKey, whenUnsatisfiable}}", f"{{{pair[0]}, {pair[1]}}}")


def _pair(constraint: Obj) -> tuple[str, str]:
    return constraint.get("topologyKey", ""), constraint.get("whenUnsatisfiable", "")


def _check_domains(constraint: Obj, path: str) -> Iterator[FieldError]:
    least, action = constraint.get("minDomains"), constraint.get("whenUnsatisfiable", "")
    if least is not None and least <= 0:
        yield invalid(f"{path}.minDomains", least, "must be greater than zero")
    if least is not None and action != "DoNotSchedule":
        why = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
        yield invalid(f"{path}.minDomains", least, why)
