"""Who a workload is to the API server, and what that identity may do.

Rules are *effective* ones: the union over every binding that reaches the account, by name or by group, with aggregated
roles resolved and the built-in roles known. What only the live cluster knows, such as roles that stand in no file, is
outside an audit of files.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from chaos.defenses.kind import Check, Defense, Item, Rule
from chaos.judging.rbac import judge
from chaos.manifests import (
    Manifest,
    Manifests,
    Obj,
    changed,
    each_workload,
    grouped,
    items,
    made,
    mapping,
    of_kind,
    pod_spec,
    pod_spec_path,
    put,
    remembered,
    words,
    workloads,
)
from chaos.rights import RBAC_API
from chaos.selectors import matches

BINDINGS = ("RoleBinding", "ClusterRoleBinding")
STRIPPED_BINDING = "seawall-stripped-rbac"

# The bootstrap roles that no manifest holds, and what is wrong with giving them to a workload.
BUILT_IN = {
    "cluster-admin": "may do everything",
    "admin": "may read Secrets, run commands in pods and bind roles in its namespace",
    "edit": "may read Secrets and run commands in pods in its namespace",
}

OWN_ACCOUNT = Rule(
    "own-service-account-missing",
    "What is granted to a shared account is granted to everything that uses it.",
    "Give the workload a ServiceAccount of its own.",
)
TOKEN_MOUNTED = Rule(
    "token-mounted",
    "Whoever breaks into the container finds a token for the API server, though the workload never calls it.",
    "Set automountServiceAccountToken: false in the pod template.",
)
TOO_MUCH = Rule(
    "too-much-allowed",
    "One stolen token or one careless script then reaches far beyond the workload.",
    "Name the verbs, resources and, for Secrets, the resourceNames that the workload uses, and bind only those.",
)


def account(workload: Manifest) -> str:
    """The ServiceAccount its pods run as."""
    spec = pod_spec(workload.data)
    return str(spec.get("serviceAccountName") or spec.get("serviceAccount") or "default")


def bindings_of(name: str, namespace: str, manifests: Manifests) -> list[Manifest]:
    """The bindings that reach an account."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    users = (f"system:serviceaccount:{namespace}:{name}", *groups)
    index = _bindings(manifests)
    found = {id(b): b for user in users for b in index.get(user, ())}
    return [b for b in found.values() if b.kind == "ClusterRoleBinding" or b.namespace == namespace]


@remembered
def _bindings(manifests: Manifests) -> dict[str, list[Manifest]]:
    """The bindings by the user or group they name; a ServiceAccount is the user it authenticates as."""
    return grouped(
        of_kind(manifests, *BINDINGS), lambda binding: {_user(s, binding) for s in items(binding.data, "subjects")}
    )


def _user(subject: Obj, binding: Manifest) -> str:
    name = str(subject.get("name"))
    if subject.get("kind") != "ServiceAccount":
        return name
    return f"system:serviceaccount:{subject.get('namespace', binding.namespace)}:{name}"


def rules_of(binding: Manifest, manifests: Manifests) -> list[Obj]:
    """The rules that a binding grants, as far as the files hold its role."""
    ref = mapping(binding.data, "roleRef")
    namespace = binding.namespace if ref.get("kind") == "Role" else ""
    found = _roles(manifests).get((namespace, str(ref.get("name"))), ())
    return [rule for role in found for rule in _aggregated(role, manifests)]


@remembered
def _roles(manifests: Manifests) -> dict[tuple[str, str], list[Manifest]]:
    """Roles by namespace and name; ClusterRoles by name, in no namespace."""
    roles = of_kind(manifests, "Role", "ClusterRole")
    return grouped(roles, lambda r: [("" if r.kind == "ClusterRole" else r.namespace, r.name)])


def _aggregated(role: Manifest, manifests: Manifests) -> list[Obj]:
    selectors = items(role.data, "aggregationRule", "clusterRoleSelectors")
    parts = [
        part
        for part in of_kind(manifests, "ClusterRole")
        if any(matches(s, mapping(part.data, "metadata", "labels")) for s in selectors)
    ]
    return [rule for r in [role, *parts] for rule in items(r.data, "rules")]


def dangers(rule: Obj) -> Iterator[str]:
    """What is dangerous about one rule of a role, in words."""
    verbs, resources, groups = words(rule, "verbs"), words(rule, "resources"), words(rule, "apiGroups")
    if "*" in verbs:
        yield "every verb"
    if "*" in resources:
        yield "every resource"
    if groups & {"", "*"}:
        yield from _core_dangers(verbs, resources, named=bool(words(rule, "resourceNames")))
    of = "".join(f" {name}" for name in sorted(words(rule, "resourceNames")))
    for verb in sorted(verbs & {"escalate", "bind", "impersonate"}):
        yield f"{verb}{of}, which hands out rights it does not have"


def _core_dangers(verbs: set[str], resources: set[str], *, named: bool) -> Iterator[str]:
    reading = verbs & ({"list", "watch"} if named else {"get", "list", "watch"})
    if "secrets" in resources and reading:
        yield "reading any Secret"
    if resources & {"pods/exec", "pods/attach"} and verbs & {"create", "get"}:
        yield "running commands in pods"
    if "pods" in resources and "create" in verbs:
        yield "creating pods, and so using any account and Secret of the namespace"
    if "serviceaccounts/token" in resources and "create" in verbs:
        yield "issuing tokens for other accounts"
    if "nodes/proxy" in resources:
        yield "the kubelet's own API through nodes/proxy"


def _account_checks(manifests: Manifests) -> Iterator[Check]:
    users = Counter((w.namespace, account(w)) for w in workloads(manifests))
    for workload in workloads(manifests):
        name = account(workload)
        shared = users[workload.namespace, name] > 1
        yield Check(
            rule=OWN_ACCOUNT,
            manifest=workload,
            ok=name != "default" and not shared,
            what="runs as the default account" if name == "default" else f"shares account {name}",
            path=(*pod_spec_path(workload.data), "serviceAccountName"),
            fixable=bool(pod_spec(workload.data)),
        )


def _token_checks(manifests: Manifests) -> Iterator[Check]:
    for workload in workloads(manifests):
        bound = bool(bindings_of(account(workload), workload.namespace, manifests))
        mounted = mounts_token(workload, manifests)
        if mounted and bound:
            continue  # a workload with rights of its own calls the API server, and needs the token for it
        yield Check(
            rule=TOKEN_MOUNTED,
            manifest=workload,
            ok=not mounted,
            what=f"the token of {account(workload)} is mounted, and no binding gives it rights",
            path=(*pod_spec_path(workload.data), "automountServiceAccountToken"),
            fixable=bool(pod_spec(workload.data)),
        )


def mounts_token(workload: Manifest, manifests: Manifests) -> bool:
    """Whether the pods get a token: the pod template decides, then its account, and unset means yes."""
    in_pod = pod_spec(workload.data).get("automountServiceAccountToken")
    if isinstance(in_pod, bool):
        return in_pod
    return (workload.namespace, account(workload)) not in _tokenless(manifests)


@remembered
def _tokenless(manifests: Manifests) -> set[tuple[str, str]]:
    """The accounts that say their token is not to be mounted."""
    accounts = of_kind(manifests, "ServiceAccount")
    return {(a.namespace, a.name) for a in accounts if a.data.get("automountServiceAccountToken") is False}


def _privilege_checks(manifests: Manifests) -> Iterator[Check]:
    for workload in workloads(manifests):
        name = account(workload)
        grants = list(_grants(name, workload.namespace, manifests))
        if not grants:
            yield Check(rule=TOO_MUCH, manifest=workload, ok=True, what="nothing dangerous is granted")
        for binding, what in grants:
            yield Check(
                rule=TOO_MUCH,
                manifest=binding,
                ok=False,
                what=f"account {name} of {workload.ref}: {what}",
                path=("roleRef",),
                fixable=False,
            )


def _grants(name: str, namespace: str, manifests: Manifests) -> Iterator[tuple[Manifest, str]]:
    for binding in bindings_of(name, namespace, manifests):
        role = str(mapping(binding.data, "roleRef").get("name"))
        if role in BUILT_IN:
            yield binding, f"role {role} {BUILT_IN[role]}"
        for rule in rules_of(binding, manifests):
            for danger in dangers(rule):
                yield binding, f"role {role} allows {danger}"


def strip_account(manifests: Manifests) -> Manifests:
    def strip(data: Obj) -> None:
        spec = pod_spec(data)
        spec.pop("serviceAccountName", None)
        spec.pop("serviceAccount", None)

    return each_workload(manifests, strip)


def strip_token(manifests: Manifests) -> Manifests:
    """The token is mounted. Where the account already has rights, it says so in the template, to be sure."""

    def strip(data: Obj) -> None:
        holder = data if data.get("kind") == "ServiceAccount" else pod_spec(data)
        if holder.get("automountServiceAccountToken") is False:
            del holder["automountServiceAccountToken"]

    return tuple(changed(m, strip) if m.is_workload or m.kind == "ServiceAccount" else m for m in manifests)


def strip_privilege(manifests: Manifests) -> Manifests:
    """What the tutorials do: every account that a workload uses is cluster-admin, in the whole cluster."""
    accounts = sorted({(w.namespace, account(w)) for w in workloads(manifests)})
    if not accounts:
        return manifests
    binding: dict[str, Any] = {
        "apiVersion": f"{RBAC_API}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": STRIPPED_BINDING},
        "roleRef": {"apiGroup": RBAC_API, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": place} for place, name in accounts],
    }
    return put(manifests, Manifest(binding))


def fix_account(manifests: Manifests) -> Manifests:
    """An account for each workload that has none of its own; the rights of the old one come along."""
    users = Counter((w.namespace, account(w)) for w in workloads(manifests))
    for workload in workloads(manifests):
        old = account(workload)
        if old == "default" or users[workload.namespace, old] > 1:
            manifests = _with_account(manifests, workload, old, f"{workload.name}-{workload.kind.lower()}")
    return manifests


def _with_account(manifests: Manifests, workload: Manifest, old: str, new: str) -> Manifests:
    def use(data: Obj) -> None:
        spec = pod_spec(data)
        spec.pop("serviceAccount", None)
        spec["serviceAccountName"] = new

    def bind(data: Obj) -> None:
        named = [s for s in items(data, "subjects") if s.get("kind") == "ServiceAccount" and s.get("name") == old]
        data["subjects"] += [{**s, "name": new} for s in named if {**s, "name": new} not in data["subjects"]]

    bindings = {id(b) for b in bindings_of(old, workload.namespace, manifests)}
    manifests = tuple(
        changed(m, use) if m is workload and pod_spec(m.data) else changed(m, bind) if id(m) in bindings else m
        for m in manifests
    )
    service_account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": new}}
    return put(manifests, made(service_account, workload))


def fix_token(manifests: Manifests) -> Manifests:
    needless = {
        id(w)
        for w in workloads(manifests)
        if mounts_token(w, manifests) and not bindings_of(account(w), w.namespace, manifests)
    }

    def fix(data: Obj) -> None:
        if spec := pod_spec(data):
            spec["automountServiceAccountToken"] = False

    return tuple(changed(m, fix) if id(m) in needless else m for m in manifests)


RBAC = Defense(
    name="rbac",
    title="RBAC with least privilege",
    items=(
        Item(name="account", checks=_account_checks, strip=strip_account, fix=fix_account),
        Item(name="token", checks=_token_checks, strip=strip_token, fix=fix_token),
        Item(name="least-privilege", checks=_privilege_checks, strip=strip_privilege, fix=lambda manifests: manifests),
    ),
    judge=judge,
)
