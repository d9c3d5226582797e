"""metrics.k8s.io tells what pods and nodes use, by what their kubelets counted."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster.api.core import Core
from cluster.api.local import LocalClient
from cluster.api.metrics import rate
from cluster.client import Forbidden, NotFound, Obj
from cluster.config import ClusterConfig
from cluster.nodeservice import Measured, NodeUsage
from tests.api_server.conftest import Clock
from tests.api_server.serving import serving

PODS = "pods.metrics.k8s.io"
NODES = "nodes.metrics.k8s.io"
START = Measured(at=1000.0, started_at=900.0, cpu_usec=5_000_000, memory_bytes=2048)


class Node:
    """A kubelet that counts as told: half a core, and a memory that grows by 1 KiB a second."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.began = clock, clock()
        self.running: dict[tuple[str, str], dict[str, float]] = {}

    def usage(self) -> NodeUsage:
        pods = {key: {n: self.measured(t) for n, t in c.items()} for key, c in self.running.items()}
        return NodeUsage(node=self.measured(self.began), pods=pods)

    def measured(self, started_at: float) -> Measured:
        seconds = self.clock() - started_at
        return Measured(
            at=self.clock(),
            started_at=started_at,
            cpu_usec=int(seconds * 500_000),
            memory_bytes=int(seconds) * 1024,
        )


@pytest.fixture
def node(clock: Clock) -> Node:
    return Node(clock)


@pytest.fixture
def core(tmp_path: Path, clock: Clock, node: Node) -> Core:
    return Core(ClusterConfig(id="test", state_dir=tmp_path), {"node1": node}, clock=clock)


def run_pod(client: LocalClient, node: Node, name: str = "web", *containers: str) -> None:
    spec = {"containers": [{"name": c, "image": "busybox"} for c in containers or ("app",)]}
    made = client.create("pods", {"metadata": {"name": name, "labels": {"app": name}}, "spec": spec}, "default")
    client.update("pods", {**made, "status": {**made["status"], "phase": "Running"}}, subresource="status")
    node.running["default", name] = dict.fromkeys(containers or ("app",), node.clock())


def look(core: Core, clock: Clock, seconds: float = 15.0) -> None:
    clock.now += seconds
    core.metrics.look()


@pytest.fixture
def client(core: Core) -> LocalClient:
    client = core.client("system:test")
    client.create("serviceaccounts", {"metadata": {"name": "default"}}, "default")
    client.create("nodes", {"metadata": {"name": "node1", "labels": {"zone": "a"}}})
    return client


class TestRates:
    def test_processor_time_is_the_mean_between_two_looks_and_memory_the_last(self) -> None:
        later = replace(START, at=1015.0, cpu_usec=8_000_000, memory_bytes=4096)
        found = rate(START, later)
        assert found is not None
        assert found.usage == {"cpu": "200m", "memory": "4Ki"}

    @pytest.mark.parametrize("age", [2.0, 9.9, 15.0, 100.0])
    def test_one_look_says_nothing(self, age: float) -> None:
        assert rate(None, replace(START, started_at=START.at - age)) is None

    def test_the_start_of_a_new_container_counts_as_a_look(self) -> None:
        found = rate(None, replace(START, started_at=START.at - 12.5))
        assert found is not None
        assert found.usage["cpu"] == "400m"

    def test_a_restart_is_no_negative_use(self) -> None:
        restarted = Measured(at=1015.0, started_at=1003.0, cpu_usec=1_200_000, memory_bytes=0)
        found = rate(START, restarted)
        assert found is not None
        assert (found.usage["cpu"], found.since) == ("100m", 1003.0)


class TestPods:
    def test_a_pod_is_told_of_by_container_with_its_labels(
        self, core: Core, client: LocalClient, clock: Clock, node: Node
    ) -> None:
        run_pod(client, node, "web", "app", "sidecar")
        look(core, clock)
        assert client.list(PODS, "default") == []
        look(core, clock)
        (found,) = client.list(PODS, "default", labels="app=web")
        assert found["kind"], found["apiVersion"] == ("PodMetrics", "metrics.k8s.io/v1beta1")
        assert found["window"] == "15.000s"
        usage = {"cpu": "500m", "memory": "30Ki"}
        assert found["containers"] == [{"name": "app", "usage": usage}, {"name": "sidecar", "usage": usage}]
        assert client.get(PODS, "web", "default") == found
        assert client.list(PODS, "kube-system") == []

    def test_what_has_gone_is_told_of_no_more(self, core: Core, client: LocalClient, clock: Clock, node: Node) -> None:
        run_pod(client, node)
        look(core, clock)
        look(core, clock)
        client.delete("pods", "web", "default", grace_seconds=0)
        assert client.list(PODS) == []
        with pytest.raises(NotFound, match=r'podmetrics.metrics.k8s.io "web" not found|"web" not found'):
            client.get(PODS, "web", "default")

    def test_a_pod_with_a_container_just_restarted_waits(
        self, core: Core, client: LocalClient, clock: Clock, node: Node
    ) -> None:
        run_pod(client, node, "web", "app", "sidecar")
        look(core, clock)
        look(core, clock)
        node.running["default", "web"]["app"] = clock() + 8
        look(core, clock)
        assert client.list(PODS) == []


def test_nodes_are_told_of(core: Core, client: LocalClient, clock: Clock) -> None:
    look(core, clock, 12.0)
    (found,) = client.list(NODES)
    assert found["usage"] == {"cpu": "500m", "memory": "12Ki"}
    assert found["metadata"]["labels"]["zone"] == "a"


def test_metrics_need_permission_which_view_gives(core: Core, client: LocalClient) -> None:
    somebody = core.client("dev", ())
    with pytest.raises(Forbidden):
        somebody.list(PODS, "default")
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    subjects = [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "dev"}]
    binding: Obj = {"metadata": {"name": "dev"}, "roleRef": ref, "subjects": subjects}
    client.create("rolebindings.rbac.authorization.k8s.io", binding, "default")
    assert somebody.list(PODS, "default") == []
    with pytest.raises(Forbidden):
        somebody.list(NODES)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "pods"), ("DELETE", "pods/x"), ("GET", "pods?watch=1"), ("PATCH", "pods/x"), ("DELETE", "pods")],
)
async def test_metrics_can_only_be_read(tmp_path: Path, method: str, path: str) -> None:
    async with serving(tmp_path) as served:
        code, body = await served.call(method, f"/apis/metrics.k8s.io/v1beta1/namespaces/default/{path}", {})
        assert (code, body["reason"]) == (405, "MethodNotAllowed")
        listed: tuple[int, Any] = await served.call("GET", "/apis/metrics.k8s.io/v1beta1/pods")
        assert (listed[0], listed[1]["kind"], listed[1]["items"]) == (200, "PodMetricsList", [])
