"""What was recorded of escalation, patches that do not fit, who owns what, and levels of pod security."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cluster.api.context import User
from cluster.api.core import Core
from cluster.api.local import LocalClient
from cluster.api.rules import compact
from cluster.api.verbs import WriteOptions
from cluster.client import Forbidden, Invalid, Obj
from tests.api_server.objects import configmap, pod, with_default_account
from tests.api_server.serving import Served, serving


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as served:
        with_default_account(served.api.client("system:test"))
        yield served


def test_rights_on_the_same_things_are_listed_together() -> None:
    get, listed = ({"apiGroups": [""], "resources": ["secrets"], "verbs": [verb]} for verb in ("get", "list"))
    other = {"apiGroups": ["apps"], "resources": ["*"], "verbs": ["*"]}
    assert compact([get, other, listed]).splitlines() == [
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
        '{APIGroups:["apps"], Resources:["*"], Verbs:["*"]}',
    ]


class TestPatches:
    PATH = "/api/v1/namespaces/default/configmaps/settings"

    @pytest.mark.parametrize(
        ("kind", "patch", "code", "message"),
        [
            ("json", [{"op": "remove", "path": "/data/none"}], 422, "the server rejected our request due to an error"),
            ("json", {}, 400, "error decoding patch: json: cannot unmarshal object into Go value of type []handlers"),
            ("merge", [1], 400, "error decoding patch: json: cannot unmarshal array into Go value of type map[string]"),
            ("merge", {"data": 1}, 422, " of type map[string]string"),
            ("strategic-merge", {"data": [1]}, 422, 'Invalid value: "map[data:[1]]": unrecognized type: '),
            ("nonsense", {}, 415, "415: Unsupported Media Type"),
        ],
    )
    async def test_say_what_does_not_fit(self, served: Served, kind: str, patch: Any, code: int, message: str) -> None:
        served.api.client("system:test").create("configmaps", configmap(), "default")
        headers = {"Content-Type": f"application/{kind}-patch+json"}
        status, body = await served.call("PATCH", self.PATH, patch, headers=headers)
        assert (status, body["kind"]) == (code, "Status")
        assert message in body["message"]


class TestFieldsOfKubectl:
    @pytest.mark.parametrize("manager", ["kubectl-client-side-apply", "kubectl-create"])
    def test_what_it_creates_is_its_own(self, core: Core, manager: str) -> None:
        assert [(m["manager"], m["operation"]) for m in managed(create(core, manager))] == [(manager, "Update")]

    def test_what_the_cluster_creates_is_not_tracked(self, client: LocalClient) -> None:
        assert managed(client.create("configmaps", configmap("own", a="b"), "default")) == []

    def test_it_may_hand_them_over(self, core: Core, client: LocalClient) -> None:
        made = create(core, "kubectl-client-side-apply")
        name = made["metadata"]["name"]
        entry = {**managed(made)[0], "manager": "kubectl", "operation": "Apply"}
        patched = client.patch("configmaps", name, "default", {"metadata": {"managedFields": [entry]}})
        assert [(m["manager"], m["operation"]) for m in managed(patched)] == [("kubectl", "Apply")]


def create(core: Core, manager: str) -> Obj:
    options = WriteOptions(user=User("joe"), manager=manager)
    return core.verbs.create(core.verbs.resource("configmaps"), "default", configmap(manager, a="b"), options).object


def managed(obj: Obj) -> list[Obj]:
    entries: list[Obj] = obj["metadata"].get("managedFields") or []
    return entries


class TestQuotaScopes:
    def make(self, client: LocalClient, **spec: Any) -> None:
        client.create("resourcequotas", {"metadata": {"name": "q"}, "spec": spec}, "default")

    def test_only_what_is_in_scope_is_refused(self, client: LocalClient) -> None:
        with_default_account(client)
        self.make(client, hard={"pods": "0"}, scopes=["BestEffort"])
        wanting = pod("wanting")
        wanting["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1"}}
        client.create("pods", wanting, "default")
        idle = pod("idle")
        idle["spec"]["containers"][0].pop("resources", None)
        with pytest.raises(Forbidden, match="exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0"):
            client.create("pods", idle, "default")

    @pytest.mark.parametrize(
        ("spec", "why"),
        [
            ({"scopes": ["BestEffort", "NotBestEffort"], "hard": {"pods": "1"}}, "conflicting scopes"),
            ({"scopes": ["BestEffort"], "hard": {"cpu": "1"}}, "unsupported scope applied to resource"),
            ({"hard": {"bananas": "1"}}, "must be a standard resource for quota"),
        ],
    )
    def test_scopes_that_make_no_sense_are_refused(self, client: LocalClient, spec: Obj, why: str) -> None:
        with pytest.raises(Invalid, match=why):
            self.make(client, **spec)


async def test_whoever_raises_a_level_is_told_of_the_pods_that_break_it(served: Served) -> None:
    client = served.api.client("system:test")
    for name in ("a", "b"):
        client.create("pods", pod(name), "default")
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    headers = {"Content-Type": "application/merge-patch+json"}
    url = f"{served.url}/api/v1/namespaces/default"
    async with served.session.patch(url, json={"metadata": {"labels": labels}}, headers=headers) as answer:
        warnings = answer.headers.getall("Warning")
    assert 'violate the new PodSecurity enforce level \\"restricted:latest\\"' in warnings[0]
    assert "a (and 1 other pod): allowPrivilegeEscalation != false" in warnings[1]
