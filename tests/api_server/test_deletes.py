"""What goes, when, and what it waits for."""

import pytest

from cluster.api.context import User
from cluster.api.core import Core
from cluster.api.deletion import DeleteOptions, parse_delete_options
from cluster.api.local import LocalClient
from cluster.api.verbs import WriteOptions
from cluster.client import Conflict, Forbidden, Invalid, NotFound
from tests.api_server.objects import configmap, pod, running_pod, with_default_account
from tests.api_server.refusals import named, template


def gone(client: LocalClient, resource: str, name: str, namespace: str = "") -> bool:
    try:
        client.get(resource, name, namespace)
    except NotFound:
        return True
    return False


class TestPods:
    def test_a_pod_on_a_node_is_given_its_grace(self, client: LocalClient) -> None:
        with_default_account(client)
        running_pod(client, terminationGracePeriodSeconds=20)
        client.delete("pods", "web", "default")
        metadata = client.get("pods", "web", "default")["metadata"]
        assert metadata["deletionTimestamp"] == "2027-01-15T08:00:20Z"
        assert metadata["deletionGracePeriodSeconds"] == 20
        assert metadata["generation"] == 2

    def test_its_kubelet_ends_it(self, client: LocalClient) -> None:
        with_default_account(client)
        running_pod(client)
        client.delete("pods", "web", "default")
        client.delete("pods", "web", "default", grace_seconds=0)
        assert gone(client, "pods", "web", "default")

    def test_asking_again_changes_nothing_but_less_grace_does(self, client: LocalClient) -> None:
        with_default_account(client)
        running_pod(client)
        for grace, left in [(30, 30), (60, 30), (5, 5)]:
            client.delete("pods", "web", "default", grace_seconds=grace)
            assert client.get("pods", "web", "default")["metadata"]["deletionGracePeriodSeconds"] == left

    def test_a_pod_without_a_node_goes_at_once(self, client: LocalClient) -> None:
        with_default_account(client)
        client.create("pods", pod(), "default")
        client.delete("pods", "web", "default")
        assert gone(client, "pods", "web", "default")

    @pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
    def test_a_pod_that_is_done_goes_at_once(self, client: LocalClient, phase: str) -> None:
        with_default_account(client)
        running_pod(client)
        client.patch("pods", "web", "default", {"status": {"phase": phase}}, subresource="status")
        client.delete("pods", "web", "default")
        assert gone(client, "pods", "web", "default")

    def test_the_last_state_tells_when(self, core: Core, client: LocalClient) -> None:
        """The recorded order: MODIFIED with no grace left, then DELETED."""
        with_default_account(client)
        running_pod(client)
        client.delete("pods", "web", "default")
        subscription = core.cluster.store.subscribe("pods", since=core.cluster.store.revision)
        client.delete("pods", "web", "default", grace_seconds=0)
        changes = [subscription._changes.popleft() for _ in range(2)]
        assert [c.type for c in changes] == ["MODIFIED", "DELETED"]
        assert changes[1].entry.object["metadata"]["deletionGracePeriodSeconds"] == 0


class TestFinalizers:
    def test_an_object_stays_until_the_last_finalizer_is_taken_off(self, client: LocalClient) -> None:
        held = configmap()
        held["metadata"]["finalizers"] = ["example.com/one", "example.com/two"]
        client.create("configmaps", held, "default")
        client.delete("configmaps", "settings", "default")
        client.patch("configmaps", "settings", "default", {"metadata": {"finalizers": ["example.com/two"]}})
        assert "deletionTimestamp" in client.get("configmaps", "settings", "default")["metadata"]
        client.patch("configmaps", "settings", "default", {"metadata": {"finalizers": None}})
        assert gone(client, "configmaps", "settings", "default")

    def test_no_finalizer_is_added_to_what_goes(self, client: LocalClient) -> None:
        held = configmap()
        held["metadata"]["finalizers"] = ["example.com/one"]
        client.create("configmaps", held, "default")
        client.delete("configmaps", "settings", "default")
        more = {"metadata": {"finalizers": ["example.com/one", "example.com/two"]}}
        with pytest.raises(Invalid, match="no new finalizers can be added if the object is being deleted"):
            client.patch("configmaps", "settings", "default", more)

    @pytest.mark.parametrize(("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")])
    def test_a_propagation_policy_is_a_finalizer(self, client: LocalClient, policy: str, finalizer: str) -> None:
        client.create("configmaps", configmap(), "default")
        client.delete("configmaps", "settings", "default", propagation=policy)
        assert client.get("configmaps", "settings", "default")["metadata"]["finalizers"] == [finalizer]

    def test_a_job_leaves_its_pods_behind_unless_told_otherwise(self, client: LocalClient) -> None:
        client.create("jobs.batch", named(spec={"template": template(restartPolicy="Never")}), "default")
        client.delete("jobs.batch", "x", "default")
        assert client.get("jobs.batch", "x", "default")["metadata"]["finalizers"] == ["orphan"]
        client.delete("jobs.batch", "x", "default", propagation="Background")
        assert gone(client, "jobs.batch", "x", "default")

    def test_an_unknown_policy_is_refused(self) -> None:
        with pytest.raises(Invalid, match="propagationPolicy: Unsupported value"):
            parse_delete_options({"propagationPolicy": "Sideways"}, {})


class TestNamespaces:
    def test_a_namespace_waits_for_its_controller(self, client: LocalClient) -> None:
        client.create("namespaces", {"metadata": {"name": "old"}})
        client.delete("namespaces", "old")
        old = client.get("namespaces", "old")
        assert old["status"]["phase"] == "Terminating"
        assert old["spec"]["finalizers"] == ["kubernetes"]
        client.update("namespaces", {**old, "spec": {}}, subresource="finalize")
        assert gone(client, "namespaces", "old")

    @pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
    def test_three_are_immortal(self, client: LocalClient, name: str) -> None:
        with pytest.raises(Forbidden, match="this namespace may not be deleted"):
            client.delete("namespaces", name)


class TestPreconditions:
    def test_a_delete_meant_for_another_uid_does_nothing(self, client: LocalClient) -> None:
        client.create("configmaps", configmap(), "default")
        with pytest.raises(Conflict, match=r"the UID in the precondition \(other\) does not match"):
            client.delete("configmaps", "settings", "default", uid="other")
        assert not gone(client, "configmaps", "settings", "default")

    def test_a_dry_run_changes_nothing(self, core: Core, client: LocalClient) -> None:
        configmaps, user = core.verbs.resource("configmaps"), User("me")
        options = WriteOptions(user=user, dry_run=True)
        assert core.verbs.create(configmaps, "default", configmap("dry"), options).object["metadata"]["uid"]
        assert gone(client, "configmaps", "dry", "default")
        client.create("configmaps", configmap(), "default")
        revision = core.cluster.store.revision
        core.verbs.edit(configmaps, "default", "settings", lambda o: {**o, "data": {"a": "b"}}, options)
        core.verbs.delete(configmaps, "default", "settings", DeleteOptions(dry_run=True), user)
        assert core.cluster.store.revision == revision
