"""Who may what, in the words of a recorded real cluster."""

import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.api.context import User
from cluster.api.core import Core
from cluster.api.local import LocalClient
from cluster.api.rules import Attributes, Rule, permits, uncovered
from cluster.client import Forbidden, Obj

RBAC = "rbac.authorization.k8s.io"


def grant(client: LocalClient, rules: Iterable[Rule], user: str, *, namespace: str = "", name: str = "granted") -> None:
    kind = "Role" if namespace else "ClusterRole"
    client.create(f"{kind.lower()}s.{RBAC}", {"metadata": {"name": name}, "rules": list(rules)}, namespace)
    bind(client, {"kind": kind, "name": name}, {"kind": "User", "name": user}, namespace=namespace, name=name)


def bind(client: LocalClient, ref: Obj, subject: Obj, *, namespace: str = "", name: str = "granted") -> None:
    kind = "rolebindings" if namespace else "clusterrolebindings"
    body = {"metadata": {"name": name}, "roleRef": {"apiGroup": RBAC, **ref}, "subjects": [subject]}
    client.create(f"{kind}.{RBAC}", body, namespace)


def rule(verbs: str, resources: str, groups: str = "", **more: list[str]) -> Rule:
    return {"verbs": verbs.split(), "resources": resources.split(), "apiGroups": groups.split() or [""], **more}


class TestRefusals:
    """Wording as recorded."""

    ACCOUNT = "system:serviceaccount:rbac:default"

    @pytest.mark.parametrize(
        ("verb", "resource", "namespace", "name", "message"),
        [
            (
                "list",
                "namespaces",
                "",
                "",
                'namespaces is forbidden: User "system:serviceaccount:rbac:default" cannot list resource "namespaces" '
                'in API group "" at the cluster scope',
            ),
            (
                "list",
                "secrets",
                "rbac",
                "",
                'secrets is forbidden: User "system:serviceaccount:rbac:default" cannot list resource "secrets" '
                'in API group "" in the namespace "rbac"',
            ),
            (
                "delete",
                "namespaces",
                "",
                "kube-public",
                'namespaces "kube-public" is forbidden: User "system:serviceaccount:rbac:default" cannot delete '
                'resource "namespaces" in API group "" in the namespace "kube-public"',
            ),
            (
                "list",
                "deployments.apps",
                "rbac",
                "",
                'deployments.apps is forbidden: User "system:serviceaccount:rbac:default" cannot list resource '
                '"deployments" in API group "apps" in the namespace "rbac"',
            ),
        ],
    )
    def test_wording(self, core: Core, verb: str, resource: str, namespace: str, name: str, message: str) -> None:
        account = core.client(self.ACCOUNT, groups=())
        with pytest.raises(Forbidden) as refused:
            account.list(resource, namespace or None) if verb == "list" else account.delete(resource, name)
        assert refused.value.message == message

    def test_paths(self, core: Core) -> None:
        with pytest.raises(Forbidden, match='forbidden: User "joe" cannot get path "/metrics"'):
            core.authorizer.check(User("joe"), Attributes(verb="get", path="/metrics"))

    def test_a_binding_to_no_role_is_told(self, core: Core, client: LocalClient) -> None:
        bind(client, {"kind": "ClusterRole", "name": "ghost"}, {"kind": "User", "name": "joe"})
        with pytest.raises(Forbidden, match=re.escape('clusterrole.rbac.authorization.k8s.io "ghost" not found')):
            core.client("joe", groups=()).list("pods")


class TestGrants:
    def test_a_role_counts_in_its_namespace_only(self, core: Core, client: LocalClient) -> None:
        grant(client, [rule("list", "pods")], "joe", namespace="default")
        joe = core.client("joe", groups=())
        assert joe.list("pods", "default") == []
        for namespace in ("kube-system", None):
            with pytest.raises(Forbidden):
                joe.list("pods", namespace)

    def test_a_resource_name_opens_that_object_only(self, core: Core, client: LocalClient) -> None:
        grant(client, [rule("get", "secrets", resourceNames=["only"])], "joe", namespace="default")
        client.create("secrets", {"metadata": {"name": "only"}}, "default")
        joe = core.client("joe", groups=())
        assert joe.get("secrets", "only", "default")
        with pytest.raises(Forbidden):
            joe.get("secrets", "other", "default")

    def test_a_subresource_is_a_resource_of_its_own(self, core: Core, client: LocalClient) -> None:
        grant(client, [rule("create", "pods")], "joe", namespace="default")
        asked = Attributes(verb="create", resource="pods", subresource="exec", namespace="default", name="x")
        with pytest.raises(Forbidden, match='cannot create resource "pods/exec"'):
            core.authorizer.check(User("joe"), asked)

    @pytest.mark.parametrize(
        "subject",
        [
            {"kind": "ServiceAccount", "name": "robot", "namespace": "default"},
            {"kind": "Group", "name": "system:serviceaccounts:default"},
            {"kind": "User", "name": "system:serviceaccount:default:robot"},
        ],
    )
    def test_a_service_account_is_met_by_each_of_its_names(self, core: Core, client: LocalClient, subject: Obj) -> None:
        bind(client, {"kind": "ClusterRole", "name": "view"}, subject)
        groups = ("system:serviceaccounts", "system:serviceaccounts:default")
        robot = core.client("system:serviceaccount:default:robot", groups=groups)
        assert robot.list("pods") == []
        with pytest.raises(Forbidden):
            robot.list("secrets")

    def test_aggregated_roles_gather_what_is_labelled_for_them(self, core: Core, client: LocalClient) -> None:
        bind(client, {"kind": "ClusterRole", "name": "view"}, {"kind": "User", "name": "joe"})
        joe = core.client("joe", groups=())
        with pytest.raises(Forbidden):
            joe.list("nodes")
        label = {f"{RBAC}/aggregate-to-view": "true"}
        extra = {"metadata": {"name": "nodes-too", "labels": label}, "rules": [rule("list", "nodes")]}
        client.create(f"clusterroles.{RBAC}", extra)
        assert joe.list("nodes") == []

    def test_the_reason_names_binding_role_and_subject(self, core: Core, client: LocalClient) -> None:
        subject = {"kind": "ServiceAccount", "name": "default", "namespace": "rbac"}
        bind(client, {"kind": "ClusterRole", "name": "cluster-admin"}, subject, name="rec-admin")
        account = User("system:serviceaccount:rbac:default")
        decision = core.authorizer.decide(account, Attributes(verb="get", resource="secrets", namespace="kube-system"))
        assert decision.reason == (
            'RBAC: allowed by ClusterRoleBinding "rec-admin" of ClusterRole "cluster-admin" '
            'to ServiceAccount "default/rbac"'
        )


class TestEscalation:
    """Nobody gives away what he does not have."""

    def test_a_role_beyond_ones_own_rules_is_refused_and_listed(self, core: Core, client: LocalClient) -> None:
        grant(client, [rule("create update", "roles", RBAC), rule("get", "pods")], "joe")
        joe = core.client("joe", groups=())
        joe.create(f"roles.{RBAC}", {"metadata": {"name": "ok"}, "rules": [rule("get", "pods")]}, "default")
        wanted = {"metadata": {"name": "no"}, "rules": [rule("get delete", "pods")]}
        with pytest.raises(Forbidden) as refused:
            joe.create(f"roles.{RBAC}", wanted, "default")
        assert refused.value.message == (
            'roles.rbac.authorization.k8s.io "no" is forbidden: user "joe" (groups=["system:authenticated"]) is '
            "attempting to grant RBAC permissions not currently held:\n"
            '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}'
        )

    def test_a_binding_to_a_greater_role_is_refused(self, core: Core, client: LocalClient) -> None:
        grant(client, [rule("create", "clusterrolebindings", RBAC)], "joe")
        with pytest.raises(Forbidden, match="not currently held"):
            bind(core.client("joe", groups=()), {"kind": "ClusterRole", "name": "cluster-admin"}, USER_JOE, name="me")

    def test_the_verbs_bind_and_escalate_lift_it(self, core: Core, client: LocalClient) -> None:
        rules = [rule("create bind", "clusterrolebindings clusterroles", RBAC), rule("create escalate", "roles", RBAC)]
        grant(client, rules, "joe")
        joe = core.client("joe", groups=())
        bind(joe, {"kind": "ClusterRole", "name": "cluster-admin"}, USER_JOE, name="me")
        joe.create(f"roles.{RBAC}", {"metadata": {"name": "all"}, "rules": [rule("*", "*", "*")]}, "default")


USER_JOE = {"kind": "User", "name": "joe"}
VERBS, RESOURCES, GROUPS, NAMES = ["get", "list"], ["pods", "pods/log", "*/log"], ["", "apps"], ["a", "b"]
RULES = st.builds(
    lambda verbs, resources, groups, names: {
        "verbs": verbs,
        "resources": resources,
        "apiGroups": groups,
        **({"resourceNames": names} if names else {}),
    },
    st.lists(st.sampled_from([*VERBS, "*"]), min_size=1, unique=True, max_size=2),
    st.lists(st.sampled_from([*RESOURCES, "*"]), min_size=1, unique=True, max_size=2),
    st.lists(st.sampled_from([*GROUPS, "*"]), min_size=1, unique=True, max_size=2),
    st.lists(st.sampled_from(NAMES), unique=True),
)
REQUESTS = st.builds(
    lambda verb, resource, group, name: Attributes(
        verb=verb, resource=resource[0], subresource=resource[1], group=group, name=name
    ),
    st.sampled_from(VERBS),
    st.sampled_from([("pods", ""), ("pods", "log"), ("services", "log")]),
    st.sampled_from(GROUPS),
    st.sampled_from([*NAMES, ""]),
)


@given(st.lists(RULES, max_size=3), st.lists(RULES, max_size=4), REQUESTS)
def test_covered_rules_permit_nothing_new(wanted: list[Rule], held: list[Rule], asked: Attributes) -> None:
    """If nothing of `wanted` is uncovered, whatever it permits was permitted before."""
    if not uncovered(wanted, held) and any(permits(r, asked) for r in wanted):
        assert any(permits(r, asked) for r in held)


@given(st.lists(RULES, max_size=3))
def test_whoever_holds_the_rules_may_grant_them(rules: list[Rule]) -> None:
    assert uncovered(rules, rules) == []
