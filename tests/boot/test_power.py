"""A node that loses its power is silent, its pods are dead at once, and it comes back as a machine rebooted."""

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client import ApiException

from cluster import boot
from cluster.boot import Found, Handle
from cluster.runtime.cgroups import discover
from seawall import clusters, exits
from seawall.app import app
from tests.boot.traces import POD, api, run_a_pod, until

pytestmark = pytest.mark.root
POWER = "seawall.dev/power"


@pytest.fixture(scope="module")
def handle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handle]:
    with boot.start(boot.plan(root=tmp_path_factory.mktemp("state"))) as handle:
        run_a_pod(handle)
        yield handle


def switch(handle: Handle, state: str) -> None:
    api(handle).patch_node("node1", {"metadata": {"annotations": {POWER: state}}})


def pod(handle: Handle, name: str = "sleeper") -> Any:
    return api(handle).read_namespaced_pod(name, "default").status


def alive(handle: Handle) -> int:
    """How many processes there are in the node's containers."""
    node = discover().group("memory", f"{handle.config.cgroup}/node1")
    return sum(len(file.read_text().split()) for file in node.rglob("cgroup.procs"))


def test_it_dies_without_a_word_and_comes_back_rebooted(handle: Handle) -> None:
    before = pod(handle)
    assert alive(handle) == 1
    switch(handle, "off")
    until(lambda: not alive(handle), "its processes are gone")
    assert pod(handle) == before
    with pytest.raises(ApiException, match="no route to host"):
        api(handle).read_namespaced_pod_log("sleeper", "default")
    switch(handle, "on")
    until(lambda: pod(handle).container_statuses[0].restart_count, "it runs again")
    assert alive(handle) == 1
    end = pod(handle).container_statuses[0].last_state.terminated
    assert (end.reason, end.exit_code) == ("Unknown", 255)
    assert pod(handle).start_time == before.start_time


def test_a_pod_that_had_ended_does_not_run_again(handle: Handle) -> None:
    container = {"name": "main", "image": "busybox", "command": ["true"]}
    once = {"nodeName": "node1", "restartPolicy": "Never", "containers": [container]}
    api(handle).create_namespaced_pod("default", {"metadata": {"name": "once"}, "spec": once})
    until(lambda: pod(handle, "once").phase == "Succeeded", "it has ended")
    before = pod(handle, "once")
    restarts = pod(handle).container_statuses[0].restart_count
    switch(handle, "off")
    until(lambda: not alive(handle), "its processes are gone")
    switch(handle, "on")
    until(lambda: pod(handle).container_statuses[0].restart_count > restarts, "the node is back")
    assert pod(handle, "once") == before


def test_a_pod_deleted_meanwhile_goes_when_the_node_comes_back(handle: Handle) -> None:
    api(handle).create_namespaced_pod("default", {**POD, "metadata": {"name": "doomed"}})
    until(lambda: pod(handle, "doomed").phase == "Running", "it runs")
    switch(handle, "off")
    until(lambda: not alive(handle), "its processes are gone")
    api(handle).delete_namespaced_pod("doomed", "default", grace_period_seconds=30)
    switch(handle, "on")
    until(lambda: "doomed" not in [p.metadata.name for p in api(handle).list_namespaced_pod("default").items], "gone")


class TestCommand:
    @pytest.fixture(autouse=True)
    def kept(self, handle: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
        """As if this cluster had been started with `seawall cluster up`."""
        monkeypatch.setattr(clusters, "kept_cluster", lambda: Found(config=handle.config, kept=True))

    def test_stops_and_starts_a_node(self, handle: Handle) -> None:
        assert app(["cluster", "node", "stop", "node1"], standalone_mode=False) == exits.MET
        until(lambda: not alive(handle), "its processes are gone")
        assert app(["cluster", "node", "start", "node1"], standalone_mode=False) == exits.MET
        until(lambda: alive(handle), "it is back")

    def test_refuses_a_node_that_is_not_there(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert app(["cluster", "node", "stop", "node9"], standalone_mode=False) == exits.WRONG_INPUT
        assert capsys.readouterr().err == 'nodes "node9" not found; there are: node1, node2, node3\n'


def test_it_can_be_switched_faster_than_it_starts(handle: Handle) -> None:
    for state in ("off", "on", "off", "on"):
        switch(handle, state)
    until(lambda: alive(handle) and pod(handle).container_statuses[0].state.running, "it runs again")
