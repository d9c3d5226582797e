"""Nobody grants what they do not hold: the escalation check on roles and bindings (RBAC reference page)."""

from collections.abc import Callable

from cluster.api.authorize import MASTERS, RBAC, Authorizer, describe_user
from cluster.api.context import Cluster, Write
from cluster.api.errors import forbidden, not_found
from cluster.api.rules import Attributes, Rule, compact, uncovered

_ROLES = {f"roles.{RBAC}", f"clusterroles.{RBAC}"}
_BINDINGS = {f"rolebindings.{RBAC}", f"clusterrolebindings.{RBAC}"}


def escalation(authorizer: Authorizer) -> Callable[[Cluster, Write], None]:
    """The plug-in, with the authorizer whose word counts."""

    def review(_cluster: Cluster, write: Write) -> None:
        if write.operation == "DELETE" or write.resource.group != RBAC or MASTERS in write.user.groups:
            return
        if write.resource.key in _ROLES and _may_not(authorizer, write, "escalate", write.resource.plural, write.name):
            _check(authorizer, write, list(write.obj.get("rules") or ()))
            _check_aggregation(authorizer, write)
        if write.resource.key in _BINDINGS:
            _check_binding(authorizer, write)

    return review


def _check_binding(authorizer: Authorizer, write: Write) -> None:
    ref = write.obj["roleRef"]
    plural = "clusterroles" if ref["kind"] == "ClusterRole" else "roles"
    if not _may_not(authorizer, write, "bind", plural, ref["name"]):
        return
    rules = authorizer.role_rules(ref, write.namespace)
    if rules is None:
        raise not_found(write.resource, write.name)
    _check(authorizer, write, rules)


def _check(authorizer: Authorizer, write: Write, rules: list[Rule]) -> None:
    missing = uncovered(rules, authorizer.rules(write.user, write.namespace))
    if missing:
        who = describe_user(write.user)
        why = f"{who} is attempting to grant RBAC permissions not currently held:\n{compact(missing)}"
        raise forbidden(write.resource, write.name, why)


def _may_not(authorizer: Authorizer, write: Write, verb: str, plural: str, name: str) -> bool:
    asked = Attributes(verb=verb, group=RBAC, resource=plural, namespace=write.namespace, name=name)
    return not authorizer.decide(write.user, asked).allowed


def _check_aggregation(authorizer: Authorizer, write: Write) -> None:
    """A role made of others grants whatever its selectors come to match: it is for those who hold everything."""
    made_of_others = any(role.get("aggregationRule") for role in (write.obj, write.old) if role)
    if made_of_others and uncovered(_EVERYTHING, authorizer.rules(write.user, write.namespace)):
        why = "must have cluster-admin privileges to use an aggregationRule"
        raise forbidden(write.resource, write.name, why)


_EVERYTHING: list[Rule] = [
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["*"]},
]
