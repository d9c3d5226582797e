"""What the four RBAC kinds have in common."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, invalid, not_one_of, not_supported, required
from cluster.api.metadata import path_segment, subdomain
from cluster.api.resources.checks import check_name, check_required
from cluster.api.resources.empties import show_empty
from cluster.client import Obj

GROUP = "rbac.authorization.k8s.io"
_GROUPS = {"User": GROUP, "Group": GROUP, "ServiceAccount": ""}


def fill_binding(binding: Obj) -> None:
    ref = binding.setdefault("roleRef", {})
    ref["apiGroup"] = ref.get("apiGroup") or GROUP
    for subject in binding.get("subjects") or ():
        if subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = subject.get("apiGroup") or GROUP


def fill_role(role: Obj) -> None:
    show_empty(role, "rules")


def check_role(role: Obj, *, namespaced: bool) -> Iterator[FieldError]:
    for i, rule in enumerate(role.get("rules") or ()):
        path = f"rules[{i}]"
        if not rule.get("verbs"):
            yield required(f"{path}.verbs", "verbs must contain at least one value")
        if rule.get("nonResourceURLs"):
            yield from _check_urls(rule, path, namespaced=namespaced)
            continue
        if not rule.get("apiGroups"):
            yield required(f"{path}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            yield required(f"{path}.resources", "resource rules must supply at least one resource")


def _check_urls(rule: Obj, path: str, *, namespaced: bool) -> Iterator[FieldError]:
    if namespaced:
        why = "namespaced rules cannot apply to non-resource URLs"
        yield invalid(f"{path}.nonResourceURLs", rule["nonResourceURLs"], why)
    if any(rule.get(name) for name in ("apiGroups", "resources", "resourceNames")):
        why = "rules cannot apply to both regular resources and non-resource URLs"
        yield invalid(f"{path}.nonResourceURLs", rule["nonResourceURLs"], why)


def check_binding(binding: Obj, old: Obj | None, *, kinds: tuple[str, ...]) -> Iterator[FieldError]:
    ref = binding["roleRef"]
    if ref["apiGroup"] != GROUP:
        yield not_supported("roleRef.apiGroup", ref["apiGroup"], (GROUP,))
    if ref.get("kind") not in kinds:
        yield not_one_of("roleRef.kind", ref.get("kind", ""), kinds)
    yield from check_required(ref, "roleRef", "name")
    yield from check_name(ref.get("name", ""), "roleRef.name", path_segment)
    for i, subject in enumerate(binding.get("subjects") or ()):
        yield from _check_subject(subject, f"subjects[{i}]", namespaced="Role" in kinds)
    if old is not None and ref != old["roleRef"]:
        shown = {"APIGroup": ref["apiGroup"], "Kind": ref.get("kind", ""), "Name": ref.get("name", "")}
        yield invalid("roleRef", shown, "cannot change roleRef")


def _check_subject(subject: Obj, path: str, *, namespaced: bool) -> Iterator[FieldError]:
    yield from check_required(subject, path, "name")
    kind, name, group = subject.get("kind", ""), subject.get("name", ""), subject.get("apiGroup", "")
    if kind == "ServiceAccount" and name:
        yield from check_name(name, f"{path}.name", subdomain)
    if kind in _GROUPS and group != _GROUPS[kind]:
        yield not_supported(f"{path}.apiGroup", group, (_GROUPS[kind],))
    if kind not in ("Group", "ServiceAccount", "User"):
        yield not_one_of(f"{path}.kind", kind, ("ServiceAccount", "User", "Group"))
    if kind == "ServiceAccount" and not namespaced and not subject.get("namespace"):
        yield required(f"{path}.namespace")
