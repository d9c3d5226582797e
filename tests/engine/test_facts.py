"""What a live cluster says of itself, and whether it enforces its policies, with real packets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos import enforcement, facts, journal
from chaos.enforcement import find_out
from chaos.facts import forbidden, may, read
from chaos.faults.kind import FaultRefused
from chaos.kube import Kube
from chaos.preflight import RUN
from chaos.rights import cluster_role
from tests.faults.account import token
from tests.faults.stage import embedded

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


@pytest.fixture(scope="module")
def reader(kube: Kube) -> Kube:
    """Somebody who may read pods and their logs, and nothing else."""
    return kube.as_bearer(
        token(kube, cluster_role("reader", ["get pods", "list pods", "get pods/log", "list pods/log"]))
    )


class TestFacts:
    """Read by GETs and reviews; what may not be seen is not known."""

    def test_an_administrator_sees_all_and_lacks_nothing(self, kube: Kube) -> None:
        found = read(kube, RUN.permissions)
        assert found.kubernetes.startswith("v1.")
        assert len(found.nodes or {}) == 3
        assert found.zones == {"zone-a", "zone-b"}
        assert found.metrics
        assert found.storage == {"standard": True}
        assert "nginx" in (found.ingress or {})
        assert found.forbidden == frozenset()
        assert found.enforced is None

    def test_a_node_that_is_closed_takes_no_pods(self, kube: Kube) -> None:
        node = next(iter(read(kube, ()).nodes or {}))
        kube.merge(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": True}})
        try:
            assert node not in (read(kube, ()).nodes or {})
        finally:
            kube.merge(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": None}})

    def test_what_may_not_be_seen_is_not_known(self, reader: Kube) -> None:
        found = read(reader, ())
        assert (found.nodes, found.storage, found.ingress) == (None, None, None)

    def test_each_permission_that_is_missing_is_named(self, reader: Kube) -> None:
        asked = {"get pods", "get pods/log", "create pods/exec", "patch deployments.apps"}
        assert forbidden(reader, asked) == ["create pods/exec", "patch deployments.apps"]

    def test_only_who_may_do_everything_is_asked_nothing_else(self, kube: Kube, reader: Kube) -> None:
        assert may(kube, facts.EVERYTHING)
        assert not may(reader, facts.EVERYTHING)


class TestEnforcement:
    """Found out by packets, and undone."""

    def test_packets_are_dropped_by_a_policy_and_by_nothing_else(self, kube: Kube, tmp_path: Path) -> None:
        before = {n["metadata"]["name"] for n in kube.list("/api/v1/namespaces")}
        found = find_out(kube, tmp_path / "journal", run="r1")
        assert (found.enforced, found.left) == (True, ())
        assert {n["metadata"]["name"] for n in kube.list("/api/v1/namespaces")} == before
        assert journal.read(tmp_path / "journal").healed

    def test_a_policy_that_stops_nothing_is_not_enforced(
        self, kube: Kube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As on a cluster without a plugin that enforces: the object is there, and every packet arrives."""
        idle = {**enforcement.DENY["spec"], "podSelector": {"matchLabels": {"nobody": "carries-this"}}}
        monkeypatch.setattr(enforcement, "DENY", {**enforcement.DENY, "spec": idle})
        assert find_out(kube, tmp_path / "journal", run="r2").enforced is False

    def test_an_image_that_does_not_run_leaves_it_unknown(
        self, kube: Kube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unready(*_: object) -> str:
            raise FaultRefused("pod listener was not ready")

        monkeypatch.setattr(enforcement, "address_of", unready)
        found = find_out(kube, tmp_path / "journal", run="r3")
        assert (found.enforced, found.left) == (None, ())
        assert "pod listener was not ready" in found.detail

    def test_who_may_make_no_namespace_cannot_find_out(self, reader: Kube, kube: Kube, tmp_path: Path) -> None:
        before = len(kube.list("/api/v1/namespaces"))
        found = find_out(reader, tmp_path / "journal", run="r4")
        assert found.enforced is None
        assert "forbidden" in found.detail
        assert not (tmp_path / "journal").exists()
        assert len(kube.list("/api/v1/namespaces")) == before
