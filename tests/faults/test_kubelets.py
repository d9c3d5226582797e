"""What a kubelet tells of its memory, and what it does not tell."""

from typing import Any

import pytest

from chaos.faults.kind import FaultRefused
from chaos.faults.kubelets import Memory, asked_by, memory_of
from chaos.kube import Kube, Refused

MIB = 2**20
SUMMARY = {"node": {"memory": {"availableBytes": 900 * MIB}}, "pods": [{"memory": {"workingSetBytes": 40 * MIB}}, {}]}
STATUS = {"status": {"capacity": {"memory": "1048576Ki"}, "allocatable": {"memory": "946176Ki"}}}


class Told(Kube):
    """A cluster that answers these three questions only."""

    def __init__(self, hard: dict[str, str] | None = None, summary: Any = SUMMARY, status: Any = STATUS) -> None:
        configz = {"kubeletconfig": {"evictionHard": {"memory.available": "100Mi"} if hard is None else hard}}
        self.answers = {"": status, "/proxy/stats/summary": summary, "/proxy/configz": configz}

    def json(self, method: str, path: str, **_: Any) -> Any:
        assert method == "GET"
        answer = self.answers[path.removeprefix("/api/v1/nodes/node1")]
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_the_threshold_is_the_kubelets_own() -> None:
    assert memory_of(Told(), "node1") == Memory(100 * MIB, 900 * MIB, 924 * MIB, 40 * MIB)
    assert memory_of(Told({"memory.available": "25%"}), "node1").threshold == 256 * MIB


def test_pressure_begins_at_what_is_available_or_at_what_pods_may_use_whichever_comes_first() -> None:
    assert Memory(threshold=100, available=900, allocatable=924, pods=40).until_pressure == 800
    assert Memory(threshold=100, available=900, allocatable=700, pods=40).until_pressure == 660


@pytest.mark.parametrize("hard", [{}, {"nodefs.available": "10%"}, {"memory.available": "0%"}])
def test_a_kubelet_that_evicts_nobody_is_refused(hard: dict[str, str]) -> None:
    with pytest.raises(FaultRefused, match=r"no memory.available in its evictionHard"):
        memory_of(Told(hard), "node1")


@pytest.mark.parametrize("summary", [Refused(403, "Forbidden", "no"), {"node": {}}])
def test_one_that_does_not_tell_is_refused_with_what_it_takes(summary: Any) -> None:
    with pytest.raises(FaultRefused, match="the right to get nodes/proxy"):
        memory_of(Told(summary=summary), "node1")


def test_a_pod_is_promised_what_runs_together_or_the_largest_before_it() -> None:
    def container(memory: str | None, **more: str) -> dict[str, Any]:
        return {"resources": {"requests": {"memory": memory}} if memory else {}, **more}

    plain = {"containers": [container("32Mi"), container(None), {}]}
    assert asked_by({"spec": plain}) == 32 * MIB
    first = {**plain, "initContainers": [container("64Mi"), container("8Mi", restartPolicy="Always")]}
    assert asked_by({"spec": first}) == 64 * MIB
    sidecar = {**plain, "initContainers": [container("8Mi", restartPolicy="Always")]}
    assert asked_by({"spec": sidecar}) == 40 * MIB
