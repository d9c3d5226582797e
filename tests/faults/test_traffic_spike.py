"""Many times as many users come, the load's own counts say so, and afterwards they are as many as before."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from chaos import recover
from chaos.faults.kind import FaultRefused
from chaos.faults.traffic_spike import TrafficSpike, inject, witness
from chaos.kube import Kube
from loadgen.load import Load
from loadgen.plan import manifests
from loadgen.samples import PREFIX
from loadgen.units import Duration, Rate
from tests.faults.stage import Stage, deployment, embedded, stage

pytestmark = pytest.mark.root
LOCUSTFILE = """
from locust import FastHttpUser, task

class Visitor(FastHttpUser):
    @task
    def look(self):
        self.client.get("/")
"""
SPIKE = TrafficSpike(times=6)
PATIENCE_SECONDS = 20.0


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as kube:
        yield kube


@pytest.fixture
def busy(kube: Kube) -> Iterator[Stage]:
    """A workload with a load of ten users a second on it; that nobody answers them does not matter here."""
    with stage(kube, [deployment()]) as found:
        load = Load(target="http://127.0.0.1:9", timeout=Duration(0.5), arrivals=Rate.parse("10/s"))
        for obj in manifests(load, name="load", namespace=found.arena.namespace, locustfile=LOCUSTFILE):
            kube.create(obj, found.arena.namespace)
        pod = f"/api/v1/namespaces/{found.arena.namespace}/pods/load"
        found.arena = replace(found.arena, load=(pod,))
        until(lambda: len(lines(kube, pod)) >= 5)
        yield found


def lines(kube: Kube, pod: str) -> list[str]:
    if kube.get(pod)["status"].get("phase") != "Running":
        return []
    return [line for line in kube.lines(f"{pod}/log", {}, Duration(5)) if PREFIX in line]


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.3)


def test_it_bites_is_seen_and_is_undone(busy: Stage) -> None:
    (injury,) = inject(busy.arena, SPIKE)
    assert injury.target == "deployment/web"
    assert not witness(busy.arena, SPIKE, injury).ok, "nobody can have counted them yet"
    until(lambda: witness(busy.arena, SPIKE, injury).ok)
    assert witness(busy.arena, SPIKE, injury).data["arrivals"] > 3 * injury.data["before"]
    recover.carry_out(busy.kube, busy.undos[-1], busy.run)
    until(lambda: not witness(busy.arena, SPIKE, injury).ok)


def test_a_closed_load_cannot_be_multiplied(busy: Stage) -> None:
    with pytest.raises(FaultRefused, match="give the load as arrivals"):
        inject(replace(busy.arena, load=()), SPIKE)
