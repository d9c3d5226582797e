"""Create, update, patch: what the server adds, what it keeps, what it refuses and in which words."""

import re

import pytest

from cluster.api.context import private_copy
from cluster.api.core import Core
from cluster.api.local import LocalClient
from cluster.client import AlreadyExists, ApiError, BadRequest, Conflict, Forbidden, Invalid, NotFound, Obj
from tests.api_server.objects import configmap, pod, with_default_account


class TestCreating:
    def test_the_server_alone_decides_identity(self, client: LocalClient) -> None:
        asked = configmap()
        asked["metadata"] |= {"uid": "mine", "creationTimestamp": "1999-01-01T00:00:00Z", "generation": 7}
        metadata = client.create("configmaps", asked, "default")["metadata"]
        assert metadata["uid"] != "mine"
        assert metadata["creationTimestamp"] == "2027-01-15T08:00:00Z"
        assert "generation" not in metadata

    def test_what_was_sent_stays_the_senders(self, client: LocalClient) -> None:
        asked = pod()
        with_default_account(client)
        client.create("pods", asked, "default")
        assert asked == pod()

    def test_generated_names_differ(self, client: LocalClient) -> None:
        names = {
            client.create("configmaps", {"metadata": {"generateName": "a-"}}, "default")["metadata"]["name"]
            for _ in range(50)
        }
        assert len(names) == 50
        assert all(len(name) == 7 and name.startswith("a-") for name in names)

    def test_a_name_is_needed(self, client: LocalClient) -> None:
        with pytest.raises(Invalid, match=re.escape("metadata.name: Required value: name or generateName is required")):
            client.create("configmaps", {"metadata": {}}, "default")

    def test_a_name_is_taken_once(self, client: LocalClient) -> None:
        client.create("configmaps", configmap(), "default")
        with pytest.raises(AlreadyExists, match='configmaps "settings" already exists'):
            client.create("configmaps", configmap(), "default")

    def test_the_namespace_must_exist(self, client: LocalClient) -> None:
        with pytest.raises(NotFound, match='namespaces "nowhere" not found'):
            client.create("configmaps", configmap(), "nowhere")

    def test_nothing_new_in_a_namespace_that_goes(self, client: LocalClient) -> None:
        client.create("namespaces", {"metadata": {"name": "old"}})
        client.delete("namespaces", "old")
        with pytest.raises(Forbidden) as refused:
            client.create("configmaps", configmap(), "old")
        assert refused.value.message == (
            'configmaps "settings" is forbidden: unable to create new content in namespace old '
            "because it is being terminated"
        )
        assert refused.value.causes[0].reason == "NamespaceTerminating"

    def test_another_namespace_in_the_body_is_refused(self, client: LocalClient) -> None:
        asked = configmap()
        asked["metadata"]["namespace"] = "kube-system"
        with pytest.raises(BadRequest, match="does not match the namespace sent on the request"):
            client.create("configmaps", asked, "default")

    def test_unknown_resources_are_404(self, client: LocalClient) -> None:
        with pytest.raises(ApiError) as refused:
            client.list("widgets.example.com")
        assert refused.value.code == 404

    def test_events_are_seen_through_both_groups(self, client: LocalClient) -> None:
        event = {
            "metadata": {"name": "e"},
            "regarding": {"kind": "Pod", "name": "web", "namespace": "default"},
            "note": "Hello",
            "reason": "Greeted",
            "type": "Normal",
            "eventTime": "2027-01-15T08:00:00.000000Z",
            "action": "Greet",
            "reportingController": "test",
            "reportingInstance": "test-1",
        }
        made = client.create("events.events.k8s.io", event, "default")
        assert made["apiVersion"] == "events.k8s.io/v1"
        core = client.get("events", "e", "default")
        assert (core["message"], core["involvedObject"]["name"]) == ("Hello", "web")
        found = client.list("events", "default", fields="involvedObject.name=web")
        assert [e["metadata"]["name"] for e in found] == ["e"]
        assert client.list("events.events.k8s.io", "default", fields="regarding.name=web")[0]["note"] == "Hello"


class TestUpdating:
    def test_nobody_overwrites_what_he_has_not_seen(self, client: LocalClient) -> None:
        old = client.create("configmaps", configmap(a="1"), "default")
        client.patch("configmaps", "settings", "default", {"data": {"a": "2"}})
        stale = private_copy(old)
        stale["data"]["a"] = "3"
        with pytest.raises(Conflict) as refused:
            client.update("configmaps", stale)
        assert refused.value.message == (
            'Operation cannot be fulfilled on configmaps "settings": the object has been modified; please apply your '
            "changes to the latest version and try again"
        )

    def test_many_writers_lose_nothing(self, client: LocalClient) -> None:
        """Read, change, write with the revision read; on conflict again: every increment counts."""
        client.create("configmaps", configmap(n="0"), "default")
        conflicts = 0
        for _ in range(20):
            first, second = (private_copy(client.get("configmaps", "settings", "default")) for _ in range(2))
            for copy in (first, second):
                copy["data"]["n"] = str(int(copy["data"]["n"]) + 1)
            client.update("configmaps", first)
            try:
                client.update("configmaps", second)
            except Conflict:
                conflicts += 1
        assert conflicts == 20
        assert client.get("configmaps", "settings", "default")["data"]["n"] == "20"

    def test_another_uid_is_another_object(self, client: LocalClient) -> None:
        obj = private_copy(client.create("configmaps", configmap(), "default"))
        obj["metadata"] |= {"uid": "another", "resourceVersion": ""}
        with pytest.raises(Conflict, match="Precondition failed: UID in precondition: another, UID in object meta: "):
            client.update("configmaps", obj)

    def test_a_patch_without_revision_never_conflicts(self, client: LocalClient) -> None:
        client.create("configmaps", configmap(), "default")
        for n in range(5):
            client.patch("configmaps", "settings", "default", {"data": {f"k{n}": "v"}})
        assert len(client.get("configmaps", "settings", "default")["data"]) == 5

    def test_a_patch_with_a_stale_revision_does(self, client: LocalClient) -> None:
        old = client.create("configmaps", configmap(), "default")
        client.patch("configmaps", "settings", "default", {"data": {"a": "1"}})
        with pytest.raises(Conflict):
            client.patch("configmaps", "settings", "default", {"metadata": old["metadata"], "data": {"a": "2"}})

    def test_snapshots_never_change(self, client: LocalClient) -> None:
        before = client.create("configmaps", configmap(a="1"), "default")
        kept = private_copy(before)
        client.patch("configmaps", "settings", "default", {"data": {"a": "2"}, "metadata": {"labels": {"x": "y"}}})
        assert before == kept

    def test_spec_and_status_are_written_apart(self, client: LocalClient) -> None:
        with_default_account(client)
        client.create("pods", pod(), "default")
        client.patch("pods", "web", "default", {"status": {"phase": "Running"}})
        assert client.get("pods", "web", "default")["status"]["phase"] == "Pending"
        change = {"status": {"phase": "Running"}, "spec": {"terminationGracePeriodSeconds": 1}}
        after = client.patch("pods", "web", "default", change, subresource="status")
        assert after["status"]["phase"] == "Running"
        assert after["spec"]["terminationGracePeriodSeconds"] == 30

    def test_a_change_of_the_spec_counts_a_generation(self, client: LocalClient) -> None:
        budget = {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}}
        client.create("poddisruptionbudgets.policy", budget, "default")
        client.patch("poddisruptionbudgets.policy", "b", "default", {"metadata": {"labels": {"x": "y"}}})
        assert client.get("poddisruptionbudgets.policy", "b", "default")["metadata"]["generation"] == 1
        client.patch("poddisruptionbudgets.policy", "b", "default", {"spec": {"minAvailable": 2}})
        assert client.get("poddisruptionbudgets.policy", "b", "default")["metadata"]["generation"] == 2


class TestListing:
    def test_selectors_select(self, client: LocalClient) -> None:
        with_default_account(client)
        for name, color in [("a", "red"), ("b", "blue")]:
            client.create("pods", pod(name, labels={"color": color}), "default")
        assert [p["metadata"]["name"] for p in client.list("pods", labels="color in (red,green)")] == ["a"]
        assert [p["metadata"]["name"] for p in client.list("pods", fields="metadata.name!=a")] == ["b"]
        assert client.list("pods", "kube-system") == []

    def test_a_field_that_cannot_be_selected_is_named(self, core: Core) -> None:
        with pytest.raises(BadRequest, match=re.escape("field label not supported: spec.colour")):
            core.client("x").list("pods", fields="spec.colour=red")


@pytest.mark.parametrize(
    ("key", "spec", "names"),
    [
        ("limitranges", {"spec": {"limits": []}}, ("limits",)),
        ("roles.rbac.authorization.k8s.io", {"rules": []}, ("rules",)),
        (
            "endpointslices.discovery.k8s.io",
            {"addressType": "IPv4", "endpoints": [], "ports": []},
            ("endpoints", "ports"),
        ),
    ],
)
def test_an_empty_list_that_is_always_told_is_null(
    client: LocalClient, key: str, spec: Obj, names: tuple[str, ...]
) -> None:
    stored = client.create(key, {"metadata": {"name": "a"}, **spec}, "default")
    assert {(stored.get("spec") or stored)[name] for name in names} == {None}
