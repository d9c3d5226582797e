"""A cluster comes up, is private, and goes without a trace, however it goes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cluster import boot
from cluster.boot import BootFailed, Handle, IdRefused
from cluster.config import NodeConfig
from cluster.janitor import SCRIPT
from tests.boot.traces import Traces, api, children, environment, processes, run_a_pod, until, until_nothing_is_left

pytestmark = pytest.mark.root

OWNER = """
import sys, time
from pathlib import Path
from cluster import boot
handle = boot.start(boot.plan(sys.argv[1], root=Path(sys.argv[2])), keep=sys.argv[3] == "kept")
print("up", flush=True)
time.sleep(600 if sys.argv[3] == "owned" else 0)
"""


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A place for state folders, empty again at the end."""
    yield tmp_path
    for found in boot.find(tmp_path):
        boot.down(found)
    boot.sweep(tmp_path)


@pytest.fixture
def handle(root: Path) -> Iterator[Handle]:
    with boot.start(boot.plan(root=root)) as handle:
        yield handle


def start_owner(root: Path, kind: str) -> "subprocess.Popen[bytes]":
    """Another process that starts the cluster "other"."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER, "other", str(root), kind], stdout=subprocess.PIPE)
    assert owner.stdout
    assert owner.stdout.readline() == b"up\n"
    return owner


class TestUp:
    def test_the_api_answers_and_all_nodes_are_ready_when_start_returns(self, handle: Handle) -> None:
        nodes = api(handle).list_node().items
        ready = [c.status for node in nodes for c in node.status.conditions if c.type == "Ready"]
        assert ready == ["True"] * 3

    def test_the_kubeconfig_is_its_owner_s_alone(self, handle: Handle) -> None:
        assert handle.kubeconfig.stat().st_mode & 0o777 == 0o600
        assert handle.config.state_dir.stat().st_mode & 0o777 == 0o700

    def test_the_machine_s_loopback_is_the_only_way_in(self, handle: Handle) -> None:
        assert "server: https://127.0.0.1:" in handle.kubeconfig.read_text()
        routes = Path("/proc/net/route").read_text().split()
        assert not {"00001ec6", "000012c6"} & {*routes}

    def test_a_node_s_memory_is_a_limit_of_the_kernel(self, handle: Handle) -> None:
        node = handle.config.nodes[0]
        limit = Path("/sys/fs/cgroup/memory", handle.config.cgroup, node.name, "memory.limit_in_bytes")
        assert int(limit.read_text()) == node.memory_bytes

    def test_two_clusters_live_side_by_side(self, handle: Handle, root: Path) -> None:
        with boot.start(boot.plan(root=root)) as other:
            run_a_pod(handle)
            run_a_pod(other)
        assert len(api(handle).list_namespaced_pod("default").items) == 1

    def test_a_failure_says_why_and_leaves_nothing(self, root: Path) -> None:
        twins = tuple(NodeConfig(name=name, index=1, zone="z") for name in ("one", "two"))
        with pytest.raises(BootFailed, match="Traceback"):
            boot.start(boot.plan(nodes=twins, root=root))
        assert list(root.iterdir()) == []

    def test_an_id_is_taken_once(self, handle: Handle, root: Path) -> None:
        with pytest.raises(IdRefused, match=f'a cluster "{handle.id}" exists'):
            boot.start(boot.plan(handle.id, root=root))

    @pytest.mark.parametrize("id", ["../up", "Upper", "-dash", "a" * 33])
    def test_an_id_that_is_no_name_is_refused(self, id: str, root: Path) -> None:
        with pytest.raises(IdRefused, match="cannot name a cluster"):
            boot.start(boot.plan(id, root=root))


class TestGone:
    """Each with a pod running, so that there is something to leave."""

    @pytest.fixture
    def traces(self, handle: Handle) -> Traces:
        run_a_pod(handle)
        traces = Traces(handle)
        kinds = {trace.split()[0] for trace in traces.left()}
        assert {"process", "cgroup", "folder"} <= kinds
        return traces

    def test_stop_takes_two_seconds_at_most_and_leaves_nothing(self, handle: Handle, traces: Traces) -> None:
        before = time.monotonic()
        handle.stop()
        assert traces.left() == []
        assert time.monotonic() - before < 2

    @pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
    def test_process_1_is_killed(self, traces: Traces, signum: int) -> None:
        os.kill(traces.first, signum)
        until_nothing_is_left(traces)

    def test_the_outermost_process_is_killed(self, traces: Traces) -> None:
        os.kill(traces.outermost, signal.SIGKILL)
        until_nothing_is_left(traces)

    def test_all_that_a_pkill_would_match_is_killed(self, traces: Traces) -> None:
        id = traces.config.id.encode()
        for pid in list(processes()):
            # Others on this machine come and go meanwhile.
            with suppress(FileNotFoundError, ProcessLookupError):
                if id in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)
        until_nothing_is_left(traces)

    def test_the_janitor_is_killed_and_the_cluster_cleans_up_itself(self, handle: Handle, traces: Traces) -> None:
        os.kill(traces.janitor(), signal.SIGKILL)
        os.kill(traces.first, signal.SIGTERM)
        until_nothing_is_left(traces)
        handle.stop()

    def test_what_nobody_could_clean_is_swept_by_the_next_start(self, traces: Traces, root: Path) -> None:
        os.kill(traces.janitor(), signal.SIGKILL)
        os.kill(traces.first, signal.SIGKILL)
        until(lambda: not traces.processes(), "all processes are dead")
        assert traces.left()
        # The kernel gives the numbers of dead namespaces to new ones: from here on, files alone tell.
        with boot.start(boot.plan(root=root)):
            assert traces.files() == []

    def test_a_frozen_pod_does_not_hold_the_dead_back(self, traces: Traces) -> None:
        [state] = Path("/sys/fs/cgroup/freezer", traces.config.cgroup, "node1").glob("*/*/freezer.state")
        state.write_text("FROZEN")
        os.kill(traces.first, signal.SIGKILL)
        until_nothing_is_left(traces)

    def test_the_owner_is_killed(self, root: Path) -> None:
        with start_owner(root, "owned") as owner:
            [found] = boot.find(root)
            janitors = [pid for pid in processes() if str(found.config.state_dir).encode() in environment(pid)]
            assert len(janitors) == 1
            owner.kill()
        until(lambda: not found.config.state_dir.exists(), "the folder has gone")
        assert boot.find(root) == []


class TestKept:
    def test_a_kept_cluster_outlives_its_starter_and_goes_when_asked(self, root: Path) -> None:
        with start_owner(root, "kept") as owner:
            owner.wait(10)
        [found] = boot.find(root)
        assert (found.config.id, found.kept, found.up) == ("other", True, True)
        boot.down(found)
        assert (boot.find(root), list(root.iterdir())) == ([], [])

    def test_one_that_hangs_is_killed(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(boot, "STOP_SECONDS_MAX", 0.5)
        with start_owner(root, "kept") as owner:
            owner.wait(10)
        [found] = boot.find(root)
        [first] = children(int(found.files.pid.read_text()))
        os.kill(first, signal.SIGSTOP)
        boot.down(found)
        assert (boot.find(root), list(root.iterdir())) == ([], [])

    def test_an_owned_cluster_is_found_as_such(self, handle: Handle, root: Path) -> None:
        assert [(found.config.id, found.kept) for found in boot.find(root)] == [(handle.id, False)]


def test_nothing_on_the_janitor_s_command_line_names_what_it_cleans(handle: Handle) -> None:
    line = Path(f"/proc/{Traces(handle).janitor()}/cmdline").read_bytes()
    assert b"seawall" not in line
    assert handle.id.encode() not in line
    assert SCRIPT.name.encode() not in line


def test_this_machine_is_fit() -> None:
    assert boot.preflight() == []
