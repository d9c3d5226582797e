"""data-loss and volume-pending on a real API: they bite, are seen and undone; where they do not fit, they refuse."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from chaos import recover
from chaos.classes import CLASSES, DEFAULT
from chaos.faults.data_loss import DATA_LOSS, DataLoss
from chaos.faults.kind import FaultRefused, Injury, Sighting
from chaos.faults.volume_pending import VOLUME_PENDING, VolumePending
from chaos.kube import Kube, Obj
from tests.faults.stage import Stage, deployment, embedded, stage

pytestmark = pytest.mark.root
WORKLOADS = Path("scenarios/workloads")
LEDGER = "statefulset/ledger"


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


EMPTY_DIR: Obj = {"emptyDir": {}}
HOST_PATH: Obj = {"hostPath": {"path": "/var/ledger", "type": "DirectoryOrCreate"}}


def ledger(*, instead: Obj | None = None, class_name: str | None = "standard") -> list[Obj]:
    """The ledger of the library, without what only other storms need; its data on another volume `instead`."""
    texts = (WORKLOADS / "shop-source.yaml", WORKLOADS / "ledger.yaml")
    objects: list[Obj] = [o for text in texts for o in yaml.safe_load_all(text.read_text()) if o]
    kept = [o for o in objects if o["kind"] in ("ConfigMap", "ServiceAccount", "Service", "StatefulSet")]
    spec = next(o for o in kept if o["kind"] == "StatefulSet")["spec"]
    (template,) = spec["volumeClaimTemplates"]
    if class_name is None:
        del template["spec"]["storageClassName"]
    if instead is not None:
        del spec["volumeClaimTemplates"]
        spec["template"]["spec"]["volumes"].append({"name": "data", **instead})
    if instead is HOST_PATH:
        # A folder of the node belongs to root, and no fsGroup changes that.
        spec["template"]["spec"]["securityContext"] = {"runAsUser": 0}
        spec["template"]["spec"]["containers"][0]["securityContext"] = {}
    return kept


def until(look: Callable[[], Sighting], true: Callable[[Sighting], Any], within: float = 20.0) -> Sighting:
    deadline = time.monotonic() + within
    while not true(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.2)
    return seen


@pytest.mark.parametrize(
    ("instead", "found"), [(None, 10), (EMPTY_DIR, 0), (HOST_PATH, 0)], ids=["claim", "emptyDir", "hostPath"]
)
def test_what_was_acknowledged_moves_with_its_claim_and_not_with_the_pods_or_the_nodes_own_disk(
    kube: Kube, instead: Obj | None, found: int
) -> None:
    with stage(kube, ledger(instead=instead), LEDGER) as at:
        params = DataLoss(records=10)
        (injury,) = DATA_LOSS.inject(at.arena, params)
        assert len(injury.data["acknowledged"]) == 10
        seen = until(lambda: DATA_LOSS.witness(at.arena, params, injury), lambda s: "found" in s.data)
        assert (seen.ok, seen.data["found"], len(seen.data["missing"])) == (True, found, 10 - found)
        assert seen.data["node"] != injury.data["node"], "it had to move"


def test_the_node_that_was_closed_for_it_is_open_again_afterwards(kube: Kube) -> None:
    before = recover.snapshot(kube)
    with stage(kube, ledger(), LEDGER) as at:
        (injury,) = DATA_LOSS.inject(at.arena, DataLoss(records=1))
        until(lambda: DATA_LOSS.witness(at.arena, DataLoss(), injury), lambda s: s.data.get("found") == 1)
        assert injury.undo is not None
        recover.carry_out(kube, at.undos[injury.undo], at.run)
        seen = DATA_LOSS.witness(at.arena, DataLoss(), injury)
        assert (seen.ok, seen.detail.endswith("nothing had to move")) == (False, True)
    assert recover.snapshot(kube) == before


def test_a_pod_that_is_still_there_is_not_taken_for_gone(kube: Kube) -> None:
    with stage(kube, ledger(), LEDGER) as at:
        (pod,) = at.arena.view.pods(LEDGER).values()
        data = {"uid": pod["uid"], "node": pod["node"], "acknowledged": []}
        injury = Injury(target="ledger-0", detail="", undo=None, data=data)
        seen = DATA_LOSS.witness(at.arena, DataLoss(), injury)
        assert (seen.ok, seen.detail) == (False, "pod ledger-0 is still there")


def test_an_app_that_takes_no_records_is_left_alone(kube: Kube) -> None:
    container = {
        "name": "web",
        "image": "python:3.12-slim",
        "command": ["sleep", "600"],
        "ports": [{"containerPort": 80}],
    }
    with stage(kube, [deployment(containers=[container])]) as at:
        with pytest.raises(FaultRefused, match="acknowledged no record at POST /orders"):
            DATA_LOSS.inject(at.arena, DataLoss(records=1))
        assert len(at.arena.view.pods("deployment/web")) == 1


def default_marks(kube: Kube) -> dict[str, str]:
    return {
        c["metadata"]["name"]: (c["metadata"].get("annotations") or {}).get(DEFAULT, "") for c in kube.list(CLASSES)
    }


def grow(at: Stage) -> Callable[[], Sighting]:
    """Let the storm begin; what its witness sees of the new replica."""
    *_, injury = VOLUME_PENDING.inject(at.arena, VolumePending())
    assert injury.target == LEDGER
    return lambda: VOLUME_PENDING.witness(at.arena, VolumePending(), injury)


def test_without_a_default_a_claim_that_names_no_class_stays_pending_until_it_is_undone(kube: Kube) -> None:
    before, marks = recover.snapshot(kube), default_marks(kube)
    with stage(kube, ledger(class_name=None), LEDGER) as at:
        look = grow(at)
        seen = until(look, lambda s: s.data.get("why"))
        assert seen.ok
        assert seen.data["claims"] == {"data-ledger-1": "Pending"}
        assert seen.data["why"].startswith("FailedBinding: no persistent volumes available")
        assert default_marks(kube) == {"standard": "false"}
        told = "storage class standard was the default and is not the default"
        assert recover.differences(before, recover.snapshot(kube), []) == [told]
    assert default_marks(kube) == marks
    assert recover.snapshot(kube) == before


def test_a_claim_that_names_its_class_does_not_notice(kube: Kube) -> None:
    with stage(kube, ledger(), LEDGER) as at:
        seen = until(grow(at), lambda s: s.data.get("ready") == 2)
        assert seen.ok
        assert seen.data["claims"] == {"data-ledger-1": "Bound"}


def test_only_a_stateful_set_with_claims_grows(kube: Kube) -> None:
    with stage(kube, [deployment()]) as at, pytest.raises(FaultRefused, match="is no StatefulSet"):
        VOLUME_PENDING.inject(at.arena, VolumePending())
    with stage(kube, ledger(instead=EMPTY_DIR), LEDGER) as at:
        with pytest.raises(FaultRefused, match="has no volumeClaimTemplates"):
            VOLUME_PENDING.inject(at.arena, VolumePending())
        assert not at.undos[1:], "refused before anything was done"
