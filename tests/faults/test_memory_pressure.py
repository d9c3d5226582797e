"""A neighbour that takes what nobody asked for: how much that is, when it bites, and that it goes in the end."""

import time
from collections.abc import Iterator

import pytest

from chaos import recover
from chaos.faults.kind import FaultRefused, Injury, Sighting
from chaos.faults.kubelets import Memory, memory_of
from chaos.faults.memory_pressure import MEMORY_PRESSURE, MemoryPressure, how_much, inject, witness
from chaos.guard import RUN_LABEL
from chaos.kube import Kube, Obj, Refused
from chaos.quantity import parse
from tests.faults.stage import Stage, deployment, embedded, stage

MIB = 2**20
PATIENCE_SECONDS = 20.0
HONEST = MemoryPressure()
# 24 MiB in each of three pods, which is more than a hog needs to find beside what was asked for.
KEPT = 24 * MIB
GREEDY = ["python3", "-c", f"import time; kept = b'x' * {KEPT}; time.sleep(600)"]


def node(pods: int = 40, available: int = 984, allocatable: int = 924) -> Memory:
    return Memory(100 * MIB, available * MIB, allocatable * MIB, pods * MIB)


class TestHowMuch:
    """Below the kubelet's threshold, and no further."""

    @pytest.mark.parametrize("pods", [40, 60, 100, 500])
    def test_the_node_ends_below_the_threshold_and_well_above_nothing(self, pods: int) -> None:
        hold = how_much(node(pods, 1024 - pods), 0, "node1")
        assert 45 * MIB <= (1024 - pods) * MIB - hold <= 90 * MIB

    @pytest.mark.parametrize("others", [0, 20, 100])
    def test_it_finds_room_beside_all_but_the_target(self, others: int) -> None:
        hold = how_much(node(200, 824), others * MIB, "node1")
        assert hold + hold // 256 <= (924 - others) * MIB

    def test_a_large_node_whose_system_uses_much(self) -> None:
        """6 GiB, of which the system takes 700 MiB that pods were promised too."""
        hold = how_much(Memory(100 * MIB, 5100 * MIB, 6044 * MIB, 340 * MIB), 300 * MIB, "node1")
        assert hold == 5050 * MIB

    def test_what_the_kubelet_keeps_for_the_system_is_not_for_pods(self) -> None:
        assert how_much(node(200, 1800, 924), 0, "node1") == (724 + 50) * MIB

    def test_where_everybody_else_asked_for_what_he_uses_no_room_is_left(self) -> None:
        with pytest.raises(FaultRefused, match="uses no more than it asked for"):
            how_much(node(40), 40 * MIB, "node1")


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


def app(request: str | None) -> Obj:
    resources = {"resources": {"requests": {"memory": request}}} if request else {}
    container = {"name": "web", "image": "python:3.12-slim", "command": GREEDY, **resources}
    return deployment(replicas=3, containers=[container], nodeSelector={"kubernetes.io/hostname": "node1"})


def await_greed(kube: Kube) -> None:
    """Pods without a probe are Ready before they have what they take."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while memory_of(kube, "node1").pods < 3 * KEPT:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def look(there: Stage, injury: Injury) -> Sighting:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (seen := witness(there.arena, HONEST, injury)).ok:
        assert time.monotonic() < deadline, seen
        time.sleep(0.5)
    return seen


def evicted(there: Stage) -> set[str]:
    """The workloads that lost a pod to the shortage."""
    return {pod["app"] for pod in there.arena.view.of("Pod").values() if pod["reason"] == "Evicted"}


@pytest.mark.root
class TestOnANode:
    def test_where_the_target_asked_for_what_it_uses_there_is_no_room(self, kube: Kube) -> None:
        with stage(kube, [app("48Mi")], pods=3) as there:
            (injury,) = inject(there.arena, HONEST)
            seen = look(there, injury)
            assert "Insufficient memory" in seen.detail
            assert seen.data == {"refused": True}
            assert len(there.arena.view.pods("deployment/web")) == 3

    def test_where_it_asked_for_nothing_it_goes_first_and_the_neighbour_stays(self, kube: Kube) -> None:
        with stage(kube, [app(None)], pods=3) as there:
            await_greed(kube)
            (injury,) = inject(there.arena, HONEST)
            hog = there.kube.get(injury.data["hog"])
            (container,) = hog["spec"]["containers"]
            asked = {side: parse(container["resources"][side]["memory"]) or 0 for side in ("requests", "limits")}
            assert injury.data["hold"] <= asked["requests"] < asked["limits"] <= 1024 * MIB
            assert hog["metadata"]["labels"][RUN_LABEL] == there.run
            assert look(there, injury).data["held"] >= injury.data["hold"]
            assert there.arena.view.wait(lambda: bool(evicted(there)), PATIENCE_SECONDS)
            assert evicted(there) == {"deployment/web"}
            undo = there.undos[injury.undo or 0]
            for _ in range(2):
                recover.carry_out(there.kube, undo, there.run)
            with pytest.raises(Refused, match="not found"):
                there.kube.get(injury.data["hog"])

    def test_a_target_that_runs_nowhere_is_refused_before_anything_is_made(self, kube: Kube) -> None:
        with stage(kube, [deployment(replicas=0)], pods=0) as nobody:
            with pytest.raises(FaultRefused, match="0 Ready pods"):
                inject(nobody.arena, HONEST)
            assert len(nobody.undos) == 1


def test_it_can_hurt_whatever_else_is_on_the_node() -> None:
    """So that it is done to no cluster but the embedded one without --allow nodes."""
    assert MEMORY_PRESSURE.node_wide
