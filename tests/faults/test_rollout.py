"""A rollout on a real API while records are written: who starts before the other has ended gives numbers twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from chaos.faults.kind import FaultRefused, Injury, Sighting
from chaos.faults.rollout import ROLLOUT, Rollout
from chaos.kube import Kube, Obj
from chaos.nodes import nodes_for_pods
from tests.faults.stage import Stage, deployment, embedded, stage
from tests.faults.test_storage import until

pytestmark = pytest.mark.root
WORKLOADS = Path("scenarios/workloads")
LEDGER = "deployment/ledger"
FEW = Rollout(records=3)


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


def ledger(kube: Kube, **spec: object) -> list[Obj]:
    """The ledger on one claim and one node, without what only other storms need; `spec` overrides the Deployment's."""
    texts = (WORKLOADS / "shop-source.yaml", WORKLOADS / "ledger-on-one-claim.yaml")
    objects: list[Obj] = [o for text in texts for o in yaml.safe_load_all(text.read_text()) if o]
    kept = [o for o in objects if o["kind"] not in ("PodDisruptionBudget", "NetworkPolicy")]
    found = next(o for o in kept if o["kind"] == "Deployment")["spec"]
    found["template"]["spec"]["nodeSelector"] = {"kubernetes.io/hostname": nodes_for_pods(kube)[0]}
    found.update(spec)
    return kept


def look(at: Stage, injury: Injury) -> Sighting:
    """What a second of the fault phase does."""
    assert ROLLOUT.go_on
    for deed in ROLLOUT.go_on(at.arena, FEW, injury):
        assert deed.data["acknowledged"] or not deed.ok
    return ROLLOUT.witness(at.arena, FEW, injury)


def test_who_ends_before_the_next_begins_keeps_every_record(kube: Kube) -> None:
    with stage(kube, ledger(kube), LEDGER) as at:
        [injury] = ROLLOUT.inject(at.arena, FEW)
        seen = until(lambda: look(at, injury), lambda s: "found" in s.data)
        assert (seen.ok, seen.data["missing"]) == (True, [])
        assert seen.data["found"] == len(injury.data["acknowledged"]) >= 3


def test_two_at_once_on_one_volume_give_numbers_twice(kube: Kube) -> None:
    with stage(kube, ledger(kube, strategy={"type": "RollingUpdate"}), LEDGER) as at:
        [injury] = ROLLOUT.inject(at.arena, FEW)
        seen = until(lambda: look(at, injury), lambda s: "found" in s.data)
        numbers = [number for number, _ in injury.data["acknowledged"]]
        assert len(set(numbers)) < len(numbers)
        assert seen.data["missing"]


def test_a_rollout_that_does_not_end_is_no_bite(kube: Kube) -> None:
    """The successor is never available for long enough, so the old pod stays."""
    with stage(kube, ledger(kube, strategy={"type": "RollingUpdate"}, minReadySeconds=50), LEDGER) as at:
        [injury] = ROLLOUT.inject(at.arena, FEW)
        seen = look(at, injury)
        assert (seen.ok, seen.detail) == (False, f"the rollout of {LEDGER} is not over; 1 old pods are there")


def test_what_takes_no_records_or_is_not_rolled_out_is_left_alone(kube: Kube) -> None:
    web = {
        "name": "web",
        "image": "python:3.12-slim",
        "command": ["sleep", "600"],
        "ports": [{"containerPort": 80}],
    }
    with stage(kube, [deployment(containers=[web])]) as at:
        before = list(at.arena.view.pods("deployment/web"))
        with pytest.raises(FaultRefused, match="acknowledged no record at POST /orders"):
            ROLLOUT.inject(at.arena, Rollout(records=1))
        assert list(at.arena.view.pods("deployment/web")) == before
    alone = {"terminationGracePeriodSeconds": 0, "containers": [web]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": alone}
    with stage(kube, [pod], target="pod/web") as at, pytest.raises(FaultRefused, match="cannot be rolled out"):
        ROLLOUT.inject(at.arena, FEW)
