"""Drains, lost nodes and zones on a real API: who is asked, who refuses, what is left, and what the undo restores."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chaos import recover
from chaos.faults.kind import FaultKind, FaultRefused, Injury, Sighting
from chaos.faults.node_drain import NODE_DRAIN, NodeDrain
from chaos.faults.node_loss import NODE_LOSS, NodeLoss
from chaos.faults.zone_outage import ZONE_OUTAGE, ZoneOutage
from chaos.kube import Kube, Obj
from chaos.nodes import NODES, zone_of
from tests.faults.stage import Stage, deployment, embedded, stage

pytestmark = pytest.mark.root
PATIENCE_SECONDS = 10.0
ALL: list[FaultKind[Any]] = [NODE_DRAIN, NODE_LOSS, ZONE_OUTAGE]
PARAMS = {"node-drain": NodeDrain(), "node-loss": NodeLoss(), "zone-outage": ZoneOutage()}


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


@pytest.fixture
def web(kube: Kube) -> Iterator[Stage]:
    with stage(kube, [deployment(replicas=3)], pods=3) as found:
        yield found


def budget(name: str, least: int) -> Obj:
    spec = {"minAvailable": least, "selector": {"matchLabels": {"app": "web"}}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def guarded(kube: Kube) -> Iterator[Stage]:
    with stage(kube, [budget("web", 1), deployment()]) as found:
        until(lambda: any(b["desired"] for b in found.arena.view.of("PodDisruptionBudget").values()))
        yield found


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not come to be in time"
        time.sleep(0.1)


def strike(web: Stage, kind: FaultKind[Any]) -> list[Injury]:
    return kind.inject(web.arena, PARAMS[kind.name])


def look(web: Stage, kind: FaultKind[Any], injury: Injury) -> Sighting:
    return kind.witness(web.arena, PARAMS[kind.name], injury)


def ask(web: Stage, injury: Injury) -> list[int]:
    """One round of a drain: the answers' status codes."""
    assert NODE_DRAIN.go_on
    return [deed.data["code"] for deed in NODE_DRAIN.go_on(web.arena, NodeDrain(), injury)]


def undo(web: Stage, injuries: list[Injury]) -> None:
    for injury in injuries:
        assert injury.undo is not None
        recover.carry_out(web.kube, web.undos[injury.undo], web.run)


@pytest.mark.parametrize("kind", ALL, ids=lambda k: k.name)
class TestEach:
    def test_it_bites_and_the_undo_restores_the_nodes(self, web: Stage, kind: FaultKind[Any]) -> None:
        before = recover.snapshot(web.kube)
        injuries = strike(web, kind)
        if kind is NODE_DRAIN:
            assert set(ask(web, injuries[0])) == {201}
        until(lambda: all(look(web, kind, injury).ok for injury in injuries))
        struck = {injury.target for injury in injuries}
        assert recover.snapshot(web.kube) != before
        until(lambda: sum(p["ready"] for p in web.arena.view.pods("deployment/web").values()) == 3)
        assert struck.isdisjoint(p["node"] for p in web.arena.view.pods("deployment/web").values())
        undo(web, injuries)
        assert recover.snapshot(web.kube) == before

    def test_a_node_that_somebody_opened_again_is_no_bite(self, web: Stage, kind: FaultKind[Any]) -> None:
        injuries = strike(web, kind)
        undo(web, injuries)
        assert not any(look(web, kind, injury).ok for injury in injuries)

    def test_it_is_refused_where_the_pods_could_go_nowhere(self, web: Stage, kind: FaultKind[Any]) -> None:
        names = [node["metadata"]["name"] for node in web.kube.list(NODES)]
        for name in names:
            web.kube.merge(f"{NODES}/{name}", {"spec": {"unschedulable": True}})
        try:
            with pytest.raises(FaultRefused, match="takes pods"):
                strike(web, kind)
            assert [u.action for u in web.undos] == ["delete-namespace"]
        finally:
            for name in names:
                web.kube.merge(f"{NODES}/{name}", {"spec": {"unschedulable": None}})


@pytest.mark.parametrize("kind", [NODE_LOSS, ZONE_OUTAGE], ids=lambda k: k.name)
class TestLoss:
    def test_the_node_is_dead_and_comes_back(self, web: Stage, kind: FaultKind[Any]) -> None:
        injuries = strike(web, kind)
        assert all("no route to host" in look(web, kind, injury).detail for injury in injuries)
        undo(web, injuries)
        assert not any(look(web, kind, injury).ok for injury in injuries)
        node = injuries[0].target
        sleeper = deployment("sleeper", nodeName=node)
        web.kube.create(sleeper, web.arena.namespace)
        until(lambda: any(p["ready"] for p in web.arena.view.pods("deployment/sleeper").values()))

    def test_a_node_that_others_use_is_only_emptied(self, kube: Kube, web: Stage, kind: FaultKind[Any]) -> None:
        with stage(kube, [deployment(replicas=3)], pods=3) as other:
            injuries = strike(web, kind)
            until(lambda: all(look(web, kind, injury).ok for injury in injuries))
            assert "silence" not in injuries[0].data
            assert len([p for p in other.arena.view.pods("deployment/web").values() if p["ready"]]) == 3
            undo(web, injuries)


class TestDrain:
    def test_a_budget_refuses_and_that_is_a_bite(self, guarded: Stage) -> None:
        injuries = strike(guarded, NODE_DRAIN)
        assert [ask(guarded, injuries[0]) for _ in range(2)] == [[429], [429]]
        seen = look(guarded, NODE_DRAIN, injuries[0])
        assert seen.ok
        assert "HTTP 429" in seen.detail
        undo(guarded, injuries)

    def test_two_budgets_are_an_error_of_the_server(self, guarded: Stage) -> None:
        guarded.kube.create(budget("other", 0), guarded.arena.namespace)
        injuries = strike(guarded, NODE_DRAIN)
        assert ask(guarded, injuries[0]) == [500]
        undo(guarded, injuries)

    def test_nobody_asked_is_no_bite(self, web: Stage) -> None:
        injuries = strike(web, NODE_DRAIN)
        assert not look(web, NODE_DRAIN, injuries[0]).ok
        undo(web, injuries)

    def test_pods_of_other_namespaces_stay(self, kube: Kube, web: Stage) -> None:
        with stage(kube, [deployment(replicas=3)], pods=3) as other:
            injuries = strike(web, NODE_DRAIN)
            ask(web, injuries[0])
            until(lambda: look(web, NODE_DRAIN, injuries[0]).ok)
            assert len(other.arena.view.pods("deployment/web")) == 3
            undo(web, injuries)


def test_a_zone_goes_as_a_whole(web: Stage) -> None:
    zones = {node["metadata"]["name"]: zone_of(node) for node in web.kube.list(NODES)}
    injuries = strike(web, ZONE_OUTAGE)
    lost = {injury.target for injury in injuries}
    [zone] = {zones[node] for node in lost}
    assert lost == {node for node in zones if zones[node] == zone}
    undo(web, injuries)
