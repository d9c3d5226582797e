"""pods/resize: what of a pod's resources may be changed while it runs, by whom, and how far."""

from copy import deepcopy
from typing import Any

import pytest

from cluster.api.local import LocalClient
from cluster.client import Forbidden, Invalid, NotFound, Obj
from tests.api_server.objects import running_pod, with_default_account

SMALL = {"requests": {"cpu": "100m", "memory": "32Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}
RESIZE = "resize"


@pytest.fixture
def running(client: LocalClient) -> LocalClient:
    """With a pod that runs on a node of two processors."""
    with_default_account(client)
    client.create("nodes", {"metadata": {"name": "node1"}})
    allocatable = {"status": {"allocatable": {"cpu": "2", "memory": "1Gi", "pods": "10"}}}
    client.patch("nodes", "node1", "", allocatable, subresource="status")
    container = {"name": "main", "image": "busybox", "resources": SMALL}
    setup = {"name": "setup", "image": "busybox", "resources": {"limits": {"cpu": "10m", "memory": "8Mi"}}}
    running_pod(client, containers=[container], initContainers=[setup])
    return client


def resized(client: LocalClient, resources: Obj, **more: Any) -> Obj:
    before = client.get("pods", "web", "default")["spec"]["containers"][0]
    wanted = {kind: {**before["resources"][kind], **resources.get(kind, {})} for kind in ("requests", "limits")}
    patch = {"spec": {"containers": [{**before, "resources": wanted, **more}]}}
    return client.patch("pods", "web", "default", patch, subresource=RESIZE)


class TestChanges:
    def test_cpu_and_memory_and_nothing_else(self, running: LocalClient) -> None:
        """What else the write holds is dropped in silence, and the change counts as a generation."""
        pod = resized(running, {"limits": {"cpu": "400m"}}, image="other")
        (container,) = pod["spec"]["containers"]
        assert container["resources"]["limits"] == {"cpu": "400m", "memory": "64Mi"}
        assert container["image"] == "busybox"
        assert pod["metadata"]["generation"] == 2
        assert running.get("pods", "web", "default") == pod

    def test_a_write_to_the_pod_itself_may_not(self, running: LocalClient) -> None:
        pod = deepcopy(running.get("pods", "web", "default"))
        pod["spec"]["containers"][0]["resources"]["limits"]["cpu"] = "400m"
        with pytest.raises(Invalid, match="pod updates may not change fields other than"):
            running.update("pods", pod)

    def test_a_pod_that_is_not_there_is_not_found(self, running: LocalClient) -> None:
        with pytest.raises(NotFound, match='pods "nope" not found'):
            running.patch("pods", "nope", "default", {}, subresource=RESIZE)


class TestRefusals:
    @pytest.mark.parametrize(
        ("resources", "message"),
        [
            (
                {"requests": {"cpu": "200m", "memory": "64Mi"}},
                'spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing',
            ),
            (
                {"requests": {"cpu": "300m"}},
                'spec.containers[0].resources.requests: Invalid value: "300m": must be less than or equal to cpu limit '
                "of 200m",
            ),
            ({"requests": {"ephemeral-storage": "1Gi"}}, "spec: Forbidden: only cpu and memory resources are mutable"),
        ],
    )
    def test_it_is_said_what_may_not_be(self, running: LocalClient, resources: Obj, message: str) -> None:
        with pytest.raises(Invalid) as refused:
            resized(running, resources)
        assert refused.value.message == f'Pod "web" is invalid: {message}'

    @pytest.mark.parametrize(
        ("spec", "message"),
        [
            ({"containers": [{"name": "other", "image": "x"}]}, "containers may not be renamed or reordered on resize"),
            ({"containers": [{"name": n, "image": "x"} for n in "ab"]}, "containers may not be added or removed"),
            (
                {"initContainers": [{"name": "setup", "image": "x", "resources": {"requests": {"cpu": "1"}}}]},
                "resources for non-sidecar init containers are immutable",
            ),
            (
                {"containers": [{"name": "main", "image": "x", "resources": {"requests": {"cpu": "1m"}}}]},
                "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed",
            ),
            (
                {"containers": [{"name": "main", "image": "x", "resources": SMALL, "resizePolicy": [
                    {"resourceName": "cpu", "restartPolicy": "RestartContainer"}]}]},
                "only cpu and memory resources are mutable",
            ),
        ],
    )  # fmt: skip
    def test_the_containers_stay_who_they_are(self, running: LocalClient, spec: Obj, message: str) -> None:
        with pytest.raises(Invalid) as refused:
            running.patch("pods", "web", "default", {"spec": spec}, subresource=RESIZE)
        assert message in refused.value.message

    def test_more_than_the_node_could_ever_give(self, running: LocalClient) -> None:
        with pytest.raises(Forbidden) as refused:
            resized(running, {"requests": {"cpu": "3"}, "limits": {"cpu": "3"}})
        assert refused.value.message == (
            'pods "web" is forbidden: node didn\'t have enough allocatable resources: cpu, requested: 3000, '
            "allocatable: 2000"
        )
        assert [cause.reason for cause in refused.value.causes] == ["NodeCapacity"]

    def test_more_than_a_limit_range_allows(self, running: LocalClient) -> None:
        limits = [{"type": "Container", "max": {"cpu": "300m"}}]
        running.create("limitranges", {"metadata": {"name": "small"}, "spec": {"limits": limits}}, "default")
        with pytest.raises(Forbidden, match="maximum cpu usage per Container is 300m, but limit is 400m"):
            resized(running, {"limits": {"cpu": "400m"}})

    def test_more_than_is_left_of_a_quota(self, running: LocalClient) -> None:
        """What the pod has already is its own: only what comes on top counts."""
        quota = {"metadata": {"name": "few"}, "spec": {"hard": {"requests.cpu": "150m"}}}
        running.create("resourcequotas", quota, "default")
        resized(running, {"requests": {"cpu": "150m"}})
        with pytest.raises(Forbidden) as refused:
            resized(running, {"requests": {"cpu": "200m"}})
        assert refused.value.message == (
            'pods "web" is forbidden: exceeded quota: few, requested: requests.cpu=50m, used: requests.cpu=150m, '
            "limited: requests.cpu=150m"
        )


class TestPolicies:
    @pytest.mark.parametrize(
        ("policy", "message"),
        [
            ({"resourceName": "disk", "restartPolicy": "NotRequired"}, 'Unsupported value: "disk"'),
            ({"resourceName": "cpu", "restartPolicy": "Sometimes"}, 'Unsupported value: "Sometimes"'),
            (
                {"resourceName": "cpu", "restartPolicy": "RestartContainer"},
                "Invalid value: \"RestartContainer\": must be 'NotRequired' when pod `restartPolicy` is 'Never'",
            ),
        ],
    )
    def test_a_policy_that_cannot_be_is_refused(self, client: LocalClient, policy: Obj, message: str) -> None:
        with_default_account(client)
        container = {"name": "main", "image": "busybox", "resizePolicy": [policy]}
        with pytest.raises(Invalid) as refused:
            running_pod(client, containers=[container], restartPolicy="Never")
        assert f"spec.containers[0].resizePolicy: {message}" in refused.value.message
