"""Permissions as `chaos.needs` writes them, and as the rules of a role: both ways. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import product

from chaos.manifests import Manifest, Manifests, Obj, items, mapping, of_kind, words
from chaos.needs import Permissions, attributes

RBAC_API = "rbac.authorization.k8s.io"


def permissions(rule: Obj) -> Iterator[str]:
    """What one rule of a role grants. Paths that are no resources (`nonResourceURLs`) are left out."""
    verbs, groups, resources = (words(rule, key) for key in ("verbs", "apiGroups", "resources"))
    for verb, group, what, name in product(verbs, groups, resources, words(rule, "resourceNames") or {""}):
        resource, slash, subresource = what.partition("/")
        yield f"{verb} {resource}{group and '.'}{group}{slash}{subresource} {name}".rstrip()


def handed_out(manifests: Manifests) -> Permissions:
    """What whoever creates these must have: the rules of each role, and `bind` for a bound one that is not among them.

    Source: Kubernetes' privilege escalation prevention for RBAC.
    """
    roles = of_kind(manifests, "Role", "ClusterRole")
    granted = {p for role in roles for rule in items(role.data, "rules") for p in permissions(rule)}
    own = {role.name for role in roles if role.kind == "ClusterRole"}
    bound = {_cluster_role(b) for b in of_kind(manifests, "RoleBinding", "ClusterRoleBinding")} - own - {""}
    return frozenset(granted | {f"bind clusterroles.{RBAC_API} {name}" for name in bound})


def _cluster_role(binding: Manifest) -> str:
    ref = mapping(binding.data, "roleRef")
    return str(ref.get("name", "")) if ref.get("kind") == "ClusterRole" else ""


def rules(wanted: Iterable[str]) -> list[Obj]:
    """The rules that grant these permissions and no other, resources with the same verbs in one."""
    verbs: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for permission in wanted:
        a = attributes(permission)
        verbs[a.group, a.name, f"{a.resource}/{a.subresource}" if a.subresource else a.resource].add(a.verb)
    alike: dict[tuple[str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (group, name, resource), allowed in sorted(verbs.items()):
        alike[group, name, tuple(sorted(allowed))].append(resource)
    return [_rule(group, name, resources, allowed) for (group, name, allowed), resources in sorted(alike.items())]


def _rule(group: str, name: str, resources: list[str], verbs: tuple[str, ...]) -> Obj:
    named = {"resourceNames": [name]} if name else {}
    return {"apiGroups": [group], "resources": resources, **named, "verbs": list(verbs)}


def cluster_role(name: str, wanted: Iterable[str]) -> Obj:
    """The ClusterRole that grants these permissions."""
    return {
        "apiVersion": f"{RBAC_API}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules(wanted),
    }
