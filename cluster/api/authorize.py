"""Who may do what: RBAC, as the real authorizer reads Roles, ClusterRoles and their bindings.

Aggregated ClusterRoles are resolved when asked, so no controller has to fill in their rules first.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cluster.api.context import User
from cluster.api.rules import Attributes, Rule, permits
from cluster.client import Forbidden, Obj
from cluster.selectors import matches_selector
from cluster.store import Store

RBAC = "rbac.authorization.k8s.io"
MASTERS = "system:masters"
"""The group that may do everything, with or without RBAC objects."""


@dataclass(frozen=True, slots=True)
class Decision:
    allowed: bool
    reason: str = ""


@dataclass(slots=True)
class _Findings:
    """Roles that bindings name and that do not exist: told with a refusal, since they are its usual cause."""

    missing: list[str] = field(default_factory=list)


class Authorizer:
    def __init__(self, store: Store) -> None:
        self._store = store

    def check(self, user: User, asked: Attributes) -> None:
        """Raise `Forbidden`, in Kubernetes' words, unless `user` may."""
        decision = self.decide(user, asked)
        if not decision.allowed:
            raise _refusal(user, asked, decision.reason)

    def decide(self, user: User, asked: Attributes) -> Decision:
        if MASTERS in user.groups:
            return Decision(allowed=True)
        findings = _Findings()
        for binding, subject, rule in self._granted(user, asked.namespace, findings):
            if permits(rule, asked):
                return Decision(True, _because(binding, subject))
        return Decision(False, f"RBAC: [{', '.join(findings.missing)}]" if findings.missing else "")

    def rules(self, user: User, namespace: str) -> list[Rule]:
        """Every rule that `user` holds in a namespace ("": cluster-wide)."""
        return [rule for _, _, rule in self._granted(user, namespace, _Findings())]

    def role_rules(self, ref: Mapping[str, str], namespace: str) -> list[Rule] | None:
        """The rules of a roleRef, or None if there is no such role."""
        if ref.get("kind") == "ClusterRole":
            entry = self._store.get(f"clusterroles.{RBAC}", "", ref.get("name", ""))
            return None if entry is None else self._cluster_role_rules(entry.object, frozenset())
        entry = self._store.get(f"roles.{RBAC}", namespace, ref.get("name", ""))
        return None if entry is None else list(entry.object.get("rules") or ())

    def _granted(self, user: User, namespace: str, findings: _Findings) -> Iterator[tuple[Obj, Obj, Rule]]:
        bindings = self._store.list(f"clusterrolebindings.{RBAC}")
        if namespace:
            bindings += self._store.list(f"rolebindings.{RBAC}", namespace)
        for binding in (entry.object for entry in bindings):
            subject = _subject_of(binding, user)
            if subject is None:
                continue
            rules = self.role_rules(binding["roleRef"], binding["metadata"].get("namespace", ""))
            if rules is None:
                findings.missing.append(_no_such_role(binding["roleRef"]))
            for rule in rules or ():
                yield binding, subject, rule

    def _cluster_role_rules(self, role: Obj, above: frozenset[str]) -> list[Rule]:
        selectors = (role.get("aggregationRule") or {}).get("clusterRoleSelectors")
        if not selectors:
            return list(role.get("rules") or ())
        above |= {role["metadata"]["name"]}
        others = (entry.object for entry in self._store.list(f"clusterroles.{RBAC}"))
        parts = [other for other in others if other["metadata"]["name"] not in above and _selected(other, selectors)]
        found: list[Rule] = []
        for part in parts:
            found += [rule for rule in self._cluster_role_rules(part, above) if rule not in found]
        return found


def describe_user(user: User) -> str:
    groups = " ".join(f'"{group}"' for group in user.groups_in_order)
    return f'user "{user.name}" (groups=[{groups}])'


def _selected(role: Obj, selectors: list[Obj]) -> bool:
    return any(matches_selector(selector, role["metadata"].get("labels")) for selector in selectors)


def _subject_of(binding: Obj, user: User) -> Obj | None:
    subjects: list[Any] = binding.get("subjects") or []
    return next((subject for subject in subjects if _is(subject, binding, user)), None)


def _is(subject: Obj, binding: Obj, user: User) -> bool:
    match subject.get("kind"):
        case "User":
            return bool(subject["name"] == user.name)
        case "Group":
            return subject["name"] in user.groups
        case "ServiceAccount":
            space = subject.get("namespace") or binding["metadata"].get("namespace", "")
            return user.name == f"system:serviceaccount:{space}:{subject['name']}"
    return False


def _because(binding: Obj, subject: Obj) -> str:
    metadata, ref = binding["metadata"], binding["roleRef"]
    where = f"{metadata['name']}/{metadata['namespace']}" if "namespace" in metadata else metadata["name"]
    who = f"{subject['name']}/{subject['namespace']}" if subject.get("namespace") else subject["name"]
    what = f'{binding["kind"]} "{where}" of {ref["kind"]} "{ref["name"]}" to {subject["kind"]} "{who}"'
    return f"RBAC: allowed by {what}"


def _no_such_role(ref: Mapping[str, str]) -> str:
    return f'{ref.get("kind", "").lower()}.{RBAC} "{ref.get("name")}" not found'


def _refusal(user: User, asked: Attributes, why: str) -> Forbidden:
    tail = f": {why}" if why else ""
    if asked.path:
        return Forbidden(f'forbidden: User "{user.name}" cannot {asked.verb} path "{asked.path}"{tail}')
    key = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    subject = f'{key} "{asked.name}"' if asked.name else key
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    what = f'cannot {asked.verb} resource "{asked.full_resource}" in API group "{asked.group}"'
    message = f'{subject} is forbidden: User "{user.name}" {what} {where}{tail}'
    return Forbidden(message, group=asked.group, kind=asked.resource, name=asked.name)
