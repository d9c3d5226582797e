"""What it takes to run storms, as the rules of a role, and what roles grant, in our words."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.manifests import Obj, load, parse
from chaos.needs import attributes
from chaos.preflight import needs
from chaos.rights import cluster_role, handed_out, permissions, rules
from chaos.scenario import read
from seawall.rbac import tell

LIBRARY = Path(__file__).parents[2] / "scenarios"
RBAC = "rbac.authorization.k8s.io"
WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=6)


@st.composite
def permission(draw: st.DrawFn) -> str:
    group, subresource, name = (draw(st.one_of(st.just(""), WORD)) for _ in range(3))
    dotted, slashed = group and f".{group}.io", subresource and f"/{subresource}"
    return f"{draw(WORD)} {draw(WORD)}{dotted}{slashed} {name}".rstrip()


def roles(*bodies: str) -> Any:
    return parse("\n---\n".join(f"apiVersion: {RBAC}/v1\n{body}" for body in bodies), "roles.yaml")


def role(*granted: Obj, kind: str = "Role") -> str:
    return f"kind: {kind}\nmetadata: {{name: web}}\nrules: {list(granted)}"


def binding(kind: str, name: str) -> str:
    ref = f"{{apiGroup: {RBAC}, kind: {kind}, name: {name}}}"
    return f"kind: RoleBinding\nmetadata: {{name: web}}\nroleRef: {ref}\nsubjects: []"


class TestRules:
    """A role grants what is wanted, and nothing that is not."""

    @given(st.frozensets(permission(), max_size=12))
    def test_rules_grant_exactly_what_was_wanted(self, wanted: frozenset[str]) -> None:
        assert {p for rule in rules(wanted) for p in permissions(rule)} == wanted

    def test_resources_with_the_same_verbs_share_a_rule(self) -> None:
        assert rules({"get pods", "list pods", "list nodes", "get nodes", "get deployments.apps"}) == [
            {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["get", "list"]},
            {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]},
        ]

    def test_a_name_limits_its_rule_and_no_other(self) -> None:
        found = rules({f"bind clusterroles.{RBAC} view", f"create clusterroles.{RBAC}"})
        roles: Obj = {"apiGroups": [RBAC], "resources": ["clusterroles"]}
        assert {**roles, "resourceNames": ["view"], "verbs": ["bind"]} in found
        assert {**roles, "verbs": ["create"]} in found

    def test_the_role_is_one_that_can_be_applied(self) -> None:
        made = cluster_role("seawall", {"get pods/log"})
        assert (made["apiVersion"], made["kind"]) == (f"{RBAC}/v1", "ClusterRole")
        assert made["metadata"] == {"name": "seawall"}
        assert made["rules"] == [{"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}]


class TestCommand:
    """`seawall rbac`: a role to apply, and what to think of before."""

    def test_it_is_one_manifest_that_names_everything(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert tell((LIBRARY,), ()) == 0
        (manifest,) = parse(capsys.readouterr().out, "printed")
        assert manifest.kind == "ClusterRole"
        assert "*" not in json.dumps(manifest.data)

    def test_it_is_what_preflight_asks_for(self, capsys: pytest.CaptureFixture[str]) -> None:
        tell((LIBRARY / "node-drain.yaml",), ())
        (manifest,) = parse(capsys.readouterr().out, "printed")
        scenario = read(LIBRARY / "node-drain.yaml")
        asked = needs(scenario, load(scenario.manifest_paths, scenario.folder)).at_most
        assert {p for rule in manifest.data["rules"] for p in permissions(rule)} == asked

    def test_what_is_dangerous_is_told_with_the_storms_that_need_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        tell((LIBRARY / "node-drain.yaml", LIBRARY / "stolen-token.yaml"), ())
        told = capsys.readouterr().out
        assert "# - creating pods, and so using any account and Secret of the namespace: all\n" in told
        assert "# - bind cluster-admin, which hands out rights it does not have: stolen-token\n" in told

    def test_a_variant_alone_needs_no_more_than_it_does(self, capsys: pytest.CaptureFixture[str]) -> None:
        tell((LIBRARY / "stolen-token.yaml",), ("defended",))
        assert "cluster-admin" not in capsys.readouterr().out


class TestAttributes:
    """A permission in the parts that a SubjectAccessReview asks about."""

    @pytest.mark.parametrize(
        ("written", "parts"),
        [
            ("get pods", ("get", "", "pods", "", "")),
            ("create pods/exec", ("create", "", "pods", "exec", "")),
            ("patch deployments.apps/scale", ("patch", "apps", "deployments", "scale", "")),
            ("get configmaps flags", ("get", "", "configmaps", "", "flags")),
            (f"bind clusterroles.{RBAC} a.b/c", ("bind", RBAC, "clusterroles", "", "a.b/c")),
            ("* *.*", ("*", "*", "*", "", "")),
        ],
    )
    def test_each_part_is_found(self, written: str, parts: tuple[str, ...]) -> None:
        found = attributes(written)
        assert (found.verb, found.group, found.resource, found.subresource, found.name) == parts


class TestHandedOut:
    """Nobody may grant what they do not have: Kubernetes asks it of whoever creates a role or a binding."""

    def test_a_role_asks_for_its_rules(self) -> None:
        rule = {"apiGroups": ["", "apps"], "resources": ["pods/log"], "verbs": ["get", "list"]}
        assert handed_out(roles(role(rule))) == {
            "get pods/log",
            "list pods/log",
            "get pods.apps/log",
            "list pods.apps/log",
        }

    def test_names_are_kept(self) -> None:
        rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["flags"], "verbs": ["get"]}
        assert handed_out(roles(role(rule))) == {"get configmaps flags"}

    def test_a_bound_role_that_is_not_among_them_asks_for_bind(self) -> None:
        assert handed_out(roles(binding("ClusterRole", "view"))) == {f"bind clusterroles.{RBAC} view"}

    def test_a_bound_role_of_their_own_has_been_asked_for(self) -> None:
        rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
        assert handed_out(roles(role(rule, kind="ClusterRole"), binding("ClusterRole", "web"))) == {"get pods"}
        assert handed_out(roles(role(rule), binding("Role", "web"))) == {"get pods"}

    def test_a_role_that_grants_nothing_asks_for_nothing(self) -> None:
        assert handed_out(roles("kind: Role\nmetadata: {name: web}", "kind: RoleBinding\nmetadata: {name: x}")) == set()
