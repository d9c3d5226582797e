"""Who was spared when a node ran short of memory, who was evicted, and when nobody can say."""

import pytest

from chaos.judging.verdict import Criterion
from chaos.recording import Fault, Seen
from tests.judge.tape import TARGET, Tape, pod, terminated

MIB = 2**20
PODS = ("storefront-a", "storefront-b", "storefront-c")
LOW = "The node was low on resource: memory. "
NO_ROOM = "the scheduler has no room for a hog of 912Mi: 0/3 nodes are available: 1 Insufficient memory."


def hog(asked: int | None = 32 * MIB, *, refused: bool = False) -> Tape:
    """A hog that lands at 22 s and lets the node run short at 30 s, or finds no room from 21 s on."""
    tape = Tape("resources", keys={"fault": {"memory-pressure": {}}}).calm()
    for name in PODS:
        asking = pod(uid=f"uid-{name[-1]}")
        asking["containers"][0]["memory_request"] = asked
        tape.see(9, "Pod", name, **asking)
    data = {"node": "node-1", "pods": dict.fromkeys(PODS, "uid"), "hold": 900 * MIB}
    told = {"fault": "memory-pressure", "target": "deployment/storefront"}
    tape.add(Fault, 20.5, step="inject", ok=True, detail="", data=data, **told)
    detail = NO_ROOM if refused else "the hog holds 900Mi, and node node-1 is short of memory"
    for t in range(21, 45):
        saw = {"refused": True} if refused else {"held": 900 * MIB}
        tape.add(Fault, t, step="witness", ok=refused or t >= 30, detail=detail, data=saw, **told)
    if not refused:
        tape.node(30, "True")
    return tape


def evict(tape: Tape, t: float, name: str = TARGET, app: str = "storefront") -> None:
    tape.event(t, "Evicted", LOW, about=f"Pod/{name}")
    tape.pod(t + 0.1, name, app, phase="Failed", reason="Evicted", ready=False, state=terminated("Error"))


def criterion(tape: Tape, name: str = "not evicted") -> Criterion:
    return next(c for c in tape.verdict().criteria if c.name == name)


class TestNotEvicted:
    """Who asked for what it uses is spared, by the scheduler or by the kubelet."""

    def test_held_where_the_scheduler_had_no_room_for_the_neighbour(self) -> None:
        tape = hog(refused=True)
        assert tape.verdict().verdict == "held"
        assert [(e.t, e.text) for e in criterion(tape).evidence] == [(21.0, NO_ROOM)]
        assert "asks for 32Mi; none of the 3 on the node was evicted" in criterion(tape).text

    def test_held_where_the_kubelet_left_it_alone_though_the_node_ran_short(self) -> None:
        tape = hog()
        assert tape.verdict().verdict == "held"
        assert criterion(tape).evidence[0].t == 30

    def test_broke_by_evictions_each_with_the_kubelets_own_words(self) -> None:
        tape = hog(0)
        evict(tape, 30)
        evict(tape, 33, "storefront-b")
        found = criterion(tape)
        assert found.verdict == "broke"
        assert found.text == (
            "each pod of deployment/storefront asks for no memory (container storefront); "
            "2 of them lost to the shortage of their node, the first after 9.5 s"
        )
        assert [(e.t, e.text) for e in found.evidence[1:]] == [
            (30, f"Evicted: {LOW.strip()}"),
            (33, f"Evicted: {LOW.strip()}"),
        ]

    def test_broke_where_it_asked_for_less_than_it_uses(self) -> None:
        tape = hog()
        evict(tape, 30)
        assert criterion(tape).verdict == "broke"
        assert "asks for 32Mi; 1 of them lost" in criterion(tape).text

    def test_a_pod_that_came_to_replace_another_counts_as_well(self) -> None:
        tape = hog(0)
        tape.pod(31, "storefront-d", uid="uid-d")
        evict(tape, 40, "storefront-d")
        assert criterion(tape).evidence[-1].source == "Pod/storefront-d"

    def test_an_eviction_without_its_event_is_one(self) -> None:
        tape = hog(0)
        tape.pod(30, uid="uid-a", phase="Failed", reason="Evicted", ready=False)
        assert criterion(tape).evidence[-1].text == "Evicted"

    def test_the_kernel_may_be_quicker_than_the_kubelet(self) -> None:
        tape = hog(0)
        tape.pod(30, uid="uid-a", restarts=1, last=terminated("OOMKilled"))
        assert criterion(tape).verdict == "broke"
        assert criterion(tape).evidence[-1].text == "container storefront ended: OOMKilled, exit code 137"

    @pytest.mark.parametrize("refused", [True, False])
    @pytest.mark.parametrize("asked", [None, 0])
    def test_luck_is_no_proof(self, asked: int | None, refused: bool) -> None:
        tape = hog(asked, refused=refused)
        assert criterion(tape).verdict == "not_proven"
        assert tape.verdict().verdict == "not_proven"

    def test_a_target_that_nobody_saw_proves_nothing(self) -> None:
        tape = hog()
        tape.records = [r for r in tape.records if not (isinstance(r, Seen) and r.name in PODS)]
        assert tape.verdict().verdict == "not_proven"

    def test_a_node_that_never_ran_short_proves_nothing(self) -> None:
        tape = hog()
        tape.records = [r for r in tape.records if not (isinstance(r, Fault) and r.step == "witness" and r.ok)]
        assert tape.verdict().verdict == "not_proven"
        assert not tape.verdict().criteria


class TestNeighbours:
    """Others of the workload are evicted no more than it is; the shortage itself is the storm's."""

    def test_the_shortage_that_the_hog_brought_is_no_harm(self) -> None:
        assert criterion(hog(), "neighbours unharmed").text == "none of 1 other pods was killed, restarted or evicted"

    def test_a_shortage_without_it_is(self) -> None:
        tape = hog(refused=True)
        tape.node(30, "True")
        assert criterion(tape, "neighbours unharmed").verdict == "broke"

    def test_an_evicted_neighbour_is_harm(self) -> None:
        tape = hog()
        evict(tape, 30, "newsletter-n", "newsletter")
        assert criterion(tape, "neighbours unharmed").verdict == "broke"
        assert criterion(tape).verdict == "held"

    def test_the_targets_own_pods_are_no_neighbours(self) -> None:
        tape = hog(0)
        evict(tape, 30)
        assert criterion(tape, "neighbours unharmed").verdict == "held"


def test_users_who_are_failed_until_the_end_were_not_served() -> None:
    tape = hog(0)
    evict(tape, 30)
    tape.failing.update(dict.fromkeys(range(30, 60), 40))
    assert criterion(tape, "users served").verdict == "broke"
