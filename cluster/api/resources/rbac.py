"""What the four RBAC kinds have in common."""

from collections.abc import Iterator

from cluster.api.field_errors import FieldError, forbidden, invalid, not_one_of, not_supported, required
from cluster.api.resources.checks import check_required
from cluster.client import Obj

GROUP = "rbac.authorization.k8s.io"


def fill_binding(binding: Obj) -> None:
    ref = binding.setdefault("roleRef", {})
    ref["apiGroup"] = ref.get("apiGroup") or GROUP
    for subject in binding.get("subjects") or ():
        if subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = subject.get("apiGroup") or GROUP


def fill_role(role: Obj) -> None:
    role.setdefault("rules", None)


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
        yield not_supported("roleRef.kind", ref.get("kind", ""), kinds)
    yield from check_required(ref, "roleRef", "name")
    if old is not None and ref != old["roleRef"]:
        shown = {"APIGroup": ref["apiGroup"], "Kind": ref.get("kind", ""), "Name": ref.get("name", "")}
        yield invalid("roleRef", shown, "cannot change roleRef")
    for i, subject in enumerate(binding.get("subjects") or ()):
        yield from _check_subject(subject, f"subjects[{i}]")


def _check_subject(subject: Obj, path: str) -> Iterator[FieldError]:
    yield from check_required(subject, path, "name")
    kind = subject.get("kind", "")
    if kind not in ("Group", "ServiceAccount", "User"):
        yield not_one_of(f"{path}.kind", kind, ("ServiceAccount", "User", "Group"))
    if kind == "ServiceAccount" and not subject.get("namespace"):
        yield required(f"{path}.namespace")
    if kind in ("User", "Group") and subject.get("namespace"):
        yield forbidden(f"{path}.namespace", "only service accounts have namespaces")
