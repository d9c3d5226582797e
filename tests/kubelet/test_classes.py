"""Classes of quality of service as the kernel sees them: who weighs what beside whom when the processor is short."""

from pathlib import Path

import pytest

from cluster.client import Obj
from cluster.kubelet.classes import group_of, weigh
from cluster.runtime.spec import Limits
from tests.kubelet.fakes import FakeRuntime, container, pod
from tests.kubelet.real import real_node
from tests.network.world import isolated


def classed(quality: str, cpu: str = "", name: str = "web") -> Obj:
    resources = {"requests": {"cpu": cpu}} if cpu else {}
    found = pod(container(resources=resources), name=name)
    found["status"] = {**(found.get("status") or {}), "qosClass": quality}
    return found


@pytest.mark.parametrize(
    ("quality", "folder"),
    [
        ("Guaranteed", "n/uid-of-web"),
        ("Burstable", "n/burstable/uid-of-web"),
        ("BestEffort", "n/besteffort/uid-of-web"),
    ],
)
def test_only_guaranteed_pods_are_the_nodes_own_children(quality: str, folder: str) -> None:
    assert group_of(classed(quality), "n") == folder


def weighed(*pods: Obj) -> dict[str, Limits]:
    runtime = FakeRuntime()
    weigh(runtime, "n", pods)
    return runtime.cgroups


def test_the_burstable_weigh_together_what_they_ask_for_together() -> None:
    """And no more: what Guaranteed pods ask for is theirs."""
    found = weighed(classed("Burstable", "200m"), classed("Burstable", "50m"), classed("Guaranteed", "1"))
    assert found["n/burstable"] == Limits(cpu_shares=256)


def test_the_best_effort_weigh_together_as_little_as_one() -> None:
    found = weighed(*(classed("BestEffort") for _ in range(9)))
    assert (found["n/besteffort"].cpu_shares, found["n/burstable"].cpu_shares) == (2, 2)


def shares(group: str) -> int:
    """What the kernel has; on version 2 it is a weight, which is not looked at here."""
    file = Path(f"/sys/fs/cgroup/cpu/{group}/cpu.shares")
    return int(file.read_text()) if file.exists() else pytest.skip("no cpu.shares here: control groups of version 2")


@pytest.mark.root
@isolated
async def test_the_kernel_divides_by_requests_from_the_node_down_to_the_container() -> None:
    async with real_node() as node:
        manifest = classed("Burstable", "200m")
        manifest["spec"]["containers"][0] |= {"image": "busybox", "command": ["sleep", "60"]}
        node.client.update("pods", manifest)
        await node.ready()
        group = node.worker().sandbox.cgroup
        (own,) = [folder.name for folder in Path(f"/sys/fs/cgroup/cpu/{group}").iterdir() if folder.is_dir()]
        assert [shares(each) for each in (str(Path(group).parent), group, f"{group}/{own}")] == [204, 204, 204]
