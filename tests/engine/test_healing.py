"""Healing by somebody who may not do all of it: what is refused is told, and keeps nothing else from being undone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos import journal, recover
from chaos.guard import RUN_LABEL
from chaos.journal import Header, Journal, Undo
from chaos.kube import Kube
from chaos.rights import cluster_role
from tests.faults.account import token
from tests.faults.stage import embedded

pytestmark = pytest.mark.root

NAMESPACES, NODE = "/api/v1/namespaces", "/api/v1/nodes/node1"
MAY = [*(f"{verb} namespaces" for verb in ("delete", "get", "list")), "get nodes", "list nodes"]


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


@pytest.fixture(scope="module")
def limited(kube: Kube) -> Kube:
    return kube.as_bearer(token(kube, cluster_role("healer", MAY)))


@pytest.fixture
def written(kube: Kube, tmp_path: Path) -> Journal:
    before = recover.snapshot(kube)
    header = Header(run="r1", context="", kubeconfig="", server="", ephemeral=False, snapshot=before)
    made = Journal.create(tmp_path / "journal.jsonl", header)
    made.will(Undo(action="delete-namespace", path=f"{NAMESPACES}/seawall-r1-defended"))
    labels = {RUN_LABEL: "r1"}
    kube.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "seawall-r1-defended", "labels": labels}}
    )
    return made


def heal(kube: Kube, written: Journal) -> list[str]:
    return recover.heal(kube, written, journal.read(written.path).undos)


def cordoned(kube: Kube, written: Journal) -> None:
    uid = kube.get(NODE)["metadata"]["uid"]
    written.will(
        Undo(action="merge", path=NODE, uid=uid, patch={"spec": {"unschedulable": None}}, why="open node node1")
    )
    kube.merge(NODE, {"spec": {"unschedulable": True}})


def test_a_refused_undo_keeps_no_other_from_being_made(kube: Kube, limited: Kube, written: Journal) -> None:
    cordoned(kube, written)
    left = heal(limited, written)
    assert left[0].startswith('open node node1: nodes "node1" is forbidden')
    assert left[1] == "node node1 was open to pods and is cordoned"
    assert "seawall-r1-defended" not in recover.snapshot(kube)["namespaces"]
    assert not journal.read(written.path).healed

    assert heal(kube, written) == []
    assert not recover.snapshot(kube)["nodes"]["node1"]["unschedulable"]
    assert journal.read(written.path).healed


def test_what_went_with_its_namespace_need_not_be_undone(limited: Kube, written: Journal) -> None:
    written.will(Undo(action="delete-pod", path=f"{NAMESPACES}/seawall-r1-defended/pods/web", why="replace pod web"))
    assert heal(limited, written) == []
    assert journal.read(written.path).healed


def test_a_namespace_that_may_not_be_deleted_is_told_once(kube: Kube, written: Journal) -> None:
    nearly = kube.as_bearer(token(kube, cluster_role("nearly", [p for p in MAY if p != "delete namespaces"])))
    (told,) = heal(nearly, written)
    assert 'namespaces "seawall-r1-defended" is forbidden' in told
    assert heal(kube, written) == []
