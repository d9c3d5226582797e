"""A neighbour that burns: beside the target, by the kernel's count, and gone when its time is up."""

import time
from collections.abc import Iterator

import pytest

from chaos import recover
from chaos.faults.cpu_hog import CPU_HOG, CpuHog, inject, witness
from chaos.faults.kind import FaultRefused, Sighting
from chaos.guard import RUN_LABEL
from chaos.kube import Kube, Refused
from tests.faults.stage import Stage, deployment, embedded, stage

pytestmark = pytest.mark.root
PATIENCE_SECONDS = 15.0
HUNGRY = CpuHog()


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


@pytest.fixture
def web(kube: Kube) -> Iterator[Stage]:
    with stage(kube, [deployment(replicas=3)], pods=3) as found:
        yield found


def until_it_bites(web: Stage, hungry: CpuHog = HUNGRY) -> tuple[Sighting, str]:
    (injury,) = inject(web.arena, hungry)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (look := witness(web.arena, hungry, injury)).ok:
        assert time.monotonic() < deadline, look
        time.sleep(0.5)
    return look, injury.data["hog"]


def test_it_burns_on_the_node_of_a_pod_of_the_target_and_says_who_is_beside_it(web: Stage) -> None:
    look, path = until_it_bites(web)
    hog = web.kube.get(path)
    node = hog["spec"]["nodeName"]
    assert look.data["beside"] == sorted(
        n for n, p in web.arena.view.pods("deployment/web").items() if p["node"] == node
    )
    assert look.data["beside"]
    assert look.data["cores"] >= 0.2


def test_it_asks_for_little_has_no_limit_of_processor_time_and_no_other_right(web: Stage) -> None:
    (injury,) = inject(web.arena, CpuHog(request="150m"))
    spec = web.kube.get(injury.data["hog"])["spec"]
    (container,) = spec["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "150m", "memory": "64Mi"},
        "limits": {"memory": "64Mi"},
    }
    assert spec["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not spec["automountServiceAccountToken"]


def test_it_is_the_runs_own_and_undone_twice_it_is_gone_once(web: Stage) -> None:
    (injury,) = inject(web.arena, HUNGRY)
    path, undo = injury.data["hog"], web.undos[injury.undo or 0]
    assert web.kube.get(path)["metadata"]["labels"][RUN_LABEL] == web.run
    assert [u.action for u in web.undos] == ["delete-namespace", "delete-namespace", "delete-object"]
    for _ in range(2):
        recover.carry_out(web.kube, undo, web.run)
    with pytest.raises(Refused, match="not found"):
        web.kube.get(path)
    assert not witness(web.arena, HUNGRY, injury).ok


def test_beside_nobody_of_the_target_it_bites_nobody(web: Stage) -> None:
    (injury,) = inject(web.arena, HUNGRY)
    elsewhere = {**injury.data, "node": "node9"}
    look = witness(web.arena, HUNGRY, type(injury)(target="hog", detail="", undo=None, data=elsewhere))
    assert not look.ok
    assert "beside no pod of deployment/web" in look.detail


def test_a_target_that_runs_nowhere_is_refused_before_anything_is_made(kube: Kube) -> None:
    with stage(kube, [deployment(replicas=0)], pods=0) as nobody:
        with pytest.raises(FaultRefused, match="0 Ready pods"):
            inject(nobody.arena, HUNGRY)
        assert len(nobody.undos) == 1


@pytest.mark.parametrize("request_", ["0m", "200", "much", "-5m"])
def test_a_request_is_written_in_millicores(request_: str) -> None:
    with pytest.raises(ValueError, match="request"):
        CpuHog(request=request_)


def test_it_can_hurt_whatever_else_is_on_the_node() -> None:
    """So that it is done to no cluster but the embedded one without --allow nodes."""
    assert CPU_HOG.node_wide
