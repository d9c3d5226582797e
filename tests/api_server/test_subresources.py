"""Binding, eviction, scale and tokens."""

import re
from typing import Any

import pytest

from cluster.api.core import Core
from cluster.api.local import LocalClient
from cluster.client import ApiError, BadRequest, Conflict, Forbidden, Invalid, NotFound, TooManyRequests, Unauthorized
from tests.api_server.conftest import Clock
from tests.api_server.objects import pod, running_pod, with_default_account

LABELS = {"app": "web"}


def bind(client: LocalClient, name: str = "web", node: str = "node1", **metadata: str) -> None:
    body = {"metadata": metadata, "target": {"kind": "Node", "name": node}}
    client.create("pods", body, "default", subresource="binding", name=name)


def evict(client: LocalClient, name: str = "web") -> dict[str, Any]:
    body = {"metadata": {"name": name, "namespace": "default"}}
    return client.create("pods", body, "default", subresource="eviction", name=name)


def budget(client: LocalClient, name: str = "app", **status: Any) -> None:
    spec = {"minAvailable": 2, "selector": {"matchLabels": LABELS}}
    client.create("poddisruptionbudgets.policy", {"metadata": {"name": name}, "spec": spec}, "default")
    if status:
        client.patch("poddisruptionbudgets.policy", name, "default", {"status": status}, subresource="status")


class TestBinding:
    def test_a_bound_pod_has_a_node_and_is_scheduled(self, client: LocalClient) -> None:
        with_default_account(client)
        client.create("pods", pod(), "default")
        bind(client)
        bound = client.get("pods", "web", "default")
        assert bound["spec"]["nodeName"] == "node1"
        assert bound["metadata"]["generation"] == 1
        assert bound["status"]["conditions"] == [
            {
                "type": "PodScheduled",
                "status": "True",
                "lastProbeTime": None,
                "lastTransitionTime": "2027-01-15T08:00:00Z",
            }
        ]

    def test_a_bound_pod_is_where_its_node_is(self, client: LocalClient) -> None:
        zone = {"topology.kubernetes.io/zone": "zone-a"}
        with_default_account(client)
        client.create("nodes", {"metadata": {"name": "node1", "labels": {**zone, "other": "label"}}})
        client.create("pods", pod(), "default")
        bind(client)
        labels = client.get("pods", "web", "default")["metadata"]["labels"]
        assert labels.items() >= zone.items()
        assert "other" not in labels

    def test_a_pod_is_bound_once(self, client: LocalClient) -> None:
        with_default_account(client)
        client.create("pods", pod(), "default")
        bind(client)
        with pytest.raises(Conflict, match='pod web is already assigned to node "node1"'):
            bind(client, node="node2")

    def test_a_binding_meant_for_another_uid_is_refused(self, client: LocalClient) -> None:
        with_default_account(client)
        client.create("pods", pod(), "default")
        with pytest.raises(Conflict, match="Precondition failed"):
            bind(client, uid="another")

    def test_a_binding_needs_a_target(self, client: LocalClient) -> None:
        with_default_account(client)
        client.create("pods", pod(), "default")
        with pytest.raises(BadRequest, match="target"):
            client.create("pods", {}, "default", subresource="binding", name="web")


class TestEviction:
    def test_without_a_budget_an_eviction_is_a_delete(self, client: LocalClient) -> None:
        with_default_account(client)
        running_pod(client, labels=LABELS)
        answer = evict(client)
        assert (answer["kind"], answer["status"], answer["code"]) == ("Status", "Success", 201)
        evicted = client.get("pods", "web", "default")
        assert "deletionTimestamp" in evicted["metadata"]
        condition = evicted["status"]["conditions"][-1]
        assert (condition["type"], condition["reason"]) == ("DisruptionTarget", "EvictionByEvictionAPI")

    def test_a_budget_at_its_limit_refuses_with_its_figures(self, client: LocalClient) -> None:
        with_default_account(client)
        running_pod(client, labels=LABELS)
        budget(client, observedGeneration=1, disruptionsAllowed=0, currentHealthy=2, desiredHealthy=2, expectedPods=3)
        with pytest.raises(TooManyRequests) as refused:
            evict(client)
        assert refused.value.message == "Cannot evict pod as it would violate the pod's disruption budget."
        (cause,) = refused.value.causes
        assert cause.reason == "DisruptionBudget"
        assert cause.message == "The disruption budget app needs 2 healthy pods and has 2 currently"
        assert "deletionTimestamp" not in client.get("pods", "web", "default")["metadata"]

    def test_a_granted_disruption_is_taken_off_the_budget(self, client: LocalClient) -> None:
        with_default_account(client)
        for name in ("web", "web2"):
            running_pod(client, name, labels=LABELS)
        allowed = {"type": "DisruptionAllowed", "status": "True", "reason": "SufficientPods", "message": ""}
        conditions = [{**allowed, "lastTransitionTime": "2027-01-15T07:00:00Z"}]
        healthy: dict[str, Any] = {
            "observedGeneration": 1,
            "disruptionsAllowed": 1,
            "currentHealthy": 3,
            "desiredHealthy": 2,
        }
        budget(client, **healthy, expectedPods=3, conditions=conditions)
        evict(client)
        status = client.get("poddisruptionbudgets.policy", "app", "default")["status"]
        assert (status["disruptionsAllowed"], status["disruptedPods"]) == (0, {"web": "2027-01-15T08:00:00Z"})
        assert status["conditions"][0]["reason"] == "InsufficientPods"
        with pytest.raises(TooManyRequests):
            evict(client, "web2")

    def test_a_budget_that_nobody_has_worked_out_yet_says_when_to_come_back(self, client: LocalClient) -> None:
        with_default_account(client)
        running_pod(client, labels=LABELS)
        budget(client)
        with pytest.raises(TooManyRequests) as refused:
            evict(client)
        assert refused.value.retry_after_seconds == 10
        assert refused.value.causes[0].message == "The disruption budget app is still being processed by the server."

    def test_two_budgets_are_too_many(self, client: LocalClient) -> None:
        with_default_account(client)
        running_pod(client, labels=LABELS)
        budget(client, "one")
        budget(client, "two")
        with pytest.raises(ApiError, match="This pod has more than one PodDisruptionBudget") as refused:
            evict(client)
        assert refused.value.code == 500

    def test_a_pod_that_is_not_ready_costs_a_healthy_budget_nothing(self, client: LocalClient) -> None:
        with_default_account(client)
        running_pod(client, labels=LABELS, ready=False)
        budget(client, observedGeneration=1, disruptionsAllowed=0, currentHealthy=2, desiredHealthy=2, expectedPods=3)
        assert evict(client)["status"] == "Success"


class TestScale:
    def test_a_scale_stands_for_the_replicas(self, client: LocalClient) -> None:
        template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
        spec = {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": template}
        client.create("deployments.apps", {"metadata": {"name": "web"}, "spec": spec}, "default")
        scale = client.patch("deployments.apps", "web", "default", {"spec": {"replicas": 5}}, subresource="scale")
        assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
        assert scale["spec"] == {"replicas": 5}
        assert scale["status"]["selector"] == "app=web"
        deployment = client.get("deployments.apps", "web", "default")
        assert (deployment["spec"]["replicas"], deployment["metadata"]["generation"]) == (5, 2)
        with pytest.raises(Invalid, match=re.escape("spec.replicas: Invalid value: -1")):
            client.patch("deployments.apps", "web", "default", {"spec": {"replicas": -1}}, subresource="scale")
        with pytest.raises(BadRequest):
            client.patch("deployments.apps", "web", "default", {"spec": {"replicas": "many"}}, subresource="scale")

    def test_what_has_no_replicas_has_no_scale(self, client: LocalClient) -> None:
        client.create("configmaps", {"metadata": {"name": "a"}}, "default")
        with pytest.raises(ApiError) as refused:
            client.patch("configmaps", "a", "default", {"spec": {"replicas": 1}}, subresource="scale")
        assert refused.value.code == 404


class TestTokens:
    def request(self, client: LocalClient, **spec: Any) -> dict[str, Any]:
        return client.create("serviceaccounts", {"spec": spec}, "default", subresource="token", name="default")

    def test_a_token_is_its_account(self, core: Core, client: LocalClient, clock: Clock) -> None:
        with_default_account(client)
        answer = self.request(client)
        assert answer["status"]["expirationTimestamp"] == "2027-01-15T09:00:00Z"
        user = core.authenticator.of_token(answer["status"]["token"], clock.now)
        assert user.name == "system:serviceaccount:default:default"
        assert user.groups == {"system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"}

    def test_a_token_dies_in_time(self, core: Core, client: LocalClient, clock: Clock) -> None:
        with_default_account(client)
        token = self.request(client, expirationSeconds=600)["status"]["token"]
        core.authenticator.of_token(token, clock.now + 599)
        with pytest.raises(Unauthorized):
            core.authenticator.of_token(token, clock.now + 600)

    def test_a_token_dies_with_its_pod(self, core: Core, client: LocalClient, clock: Clock) -> None:
        with_default_account(client)
        client.create("pods", pod(), "default")
        uid = client.get("pods", "web", "default")["metadata"]["uid"]
        token = self.request(client, boundObjectRef={"kind": "Pod", "name": "web", "uid": uid})["status"]["token"]
        user = core.authenticator.of_token(token, clock.now)
        assert user.extra["authentication.kubernetes.io/pod-name"] == ("web",)
        client.delete("pods", "web", "default")
        client.create("pods", pod(), "default")
        with pytest.raises(Unauthorized):
            core.authenticator.of_token(token, clock.now)

    def test_a_token_dies_with_its_account(self, core: Core, client: LocalClient, clock: Clock) -> None:
        with_default_account(client)
        token = self.request(client)["status"]["token"]
        client.delete("serviceaccounts", "default", "default")
        with_default_account(client)
        with pytest.raises(Unauthorized):
            core.authenticator.of_token(token, clock.now)

    def test_a_token_for_others_is_none_for_us(self, core: Core, client: LocalClient, clock: Clock) -> None:
        with_default_account(client)
        token = self.request(client, audiences=["vault"])["status"]["token"]
        with pytest.raises(Unauthorized):
            core.authenticator.of_token(token, clock.now)
        assert core.authenticator.of_token(token, clock.now, "vault").name.endswith(":default")

    @pytest.mark.parametrize("change", [lambda t: t[:-2] + "AA", lambda t: "e30." + t.partition(".")[2], lambda _: "x"])
    def test_a_forged_token_is_nobody(self, core: Core, client: LocalClient, clock: Clock, change: Any) -> None:
        with_default_account(client)
        token = self.request(client)["status"]["token"]
        with pytest.raises(Unauthorized):
            core.authenticator.of_token(change(token), clock.now)

    def test_ten_minutes_are_the_least(self, client: LocalClient) -> None:
        with_default_account(client)
        with pytest.raises(Invalid, match="may not specify a duration less than 10 minutes"):
            self.request(client, expirationSeconds=5)

    def test_a_pod_that_is_not_there_binds_nothing(self, client: LocalClient) -> None:
        with_default_account(client)
        with pytest.raises(NotFound):
            self.request(client, boundObjectRef={"kind": "Pod", "name": "ghost"})


def test_whoever_may_not_evict_does_not(core: Core, client: LocalClient) -> None:
    with_default_account(client)
    running_pod(client)
    with pytest.raises(Forbidden, match='cannot create resource "pods/eviction"'):
        evict(core.client("joe", groups=()))
