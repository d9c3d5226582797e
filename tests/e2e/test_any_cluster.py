"""A cluster that lives on after the run, named by a kubeconfig context: the same code path as for any real cluster."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from chaos.kube import Kube, connect
from cluster import boot
from tests.e2e.machine import ROOT, SEAWALL, Command, scenario, wait_for, with_prometheus
from tests.faults.account import token

BROKE_AND_HELD = {"undefended": "broke", "defended": "held"}

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def kubeconfig() -> Iterator[Path]:
    with boot.start(boot.plan()) as handle:
        yield handle.kubeconfig


@pytest.fixture
def named(kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The cluster under a context of another name."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["contexts"][0]["name"] = config["current-context"] = "kind-dev"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", str(path))
    return "kind-dev"


@pytest.fixture
def kube(kubeconfig: Path) -> Kube:
    return connect(kubeconfig=str(kubeconfig))


def namespaces(kube: Kube) -> set[str]:
    found = {n["metadata"]["name"] for n in kube.list("/api/v1/namespaces")}
    return {name for name in found if name.startswith("seawall-")}


def recover(folder: Path) -> "subprocess.CompletedProcess[str]":
    arguments: list[str | Path] = [SEAWALL, "recover", "--out", folder / "runs"]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=90, env=os.environ, check=False)


def test_what_a_killed_run_left_is_healed_and_proven(tmp_path: Path, named: str, kube: Kube) -> None:
    command = Command(tmp_path, "run", scenario(tmp_path, "lying-health-checks"), "--context", named)
    command.until("fault")
    command.signal(signal.SIGKILL)
    command.wait(10)
    assert len(namespaces(kube)) == 3
    done = recover(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the cluster is as it was before the run" in done.stdout
    assert namespaces(kube) == set()
    assert "nothing to recover" in recover(tmp_path).stdout


def test_an_interrupted_run_undoes_itself(tmp_path: Path, named: str, kube: Kube) -> None:
    command = Command(tmp_path, "run", scenario(tmp_path, "lying-health-checks"), "--context", named)
    command.until("baseline")
    command.signal(signal.SIGINT)
    assert command.wait(60) == 130
    assert namespaces(kube) == set()
    assert "nothing to recover" in recover(tmp_path).stdout


def test_a_cluster_that_was_not_meant_is_not_touched(
    tmp_path: Path, named: str, kube: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Path(os.environ["KUBECONFIG"])
    config.write_text(config.read_text().replace(named, "production"))
    monkeypatch.setenv("KUBECONFIG", str(config))
    command = Command(tmp_path, "run", scenario(tmp_path, "lying-health-checks"), "--context", "production")
    assert command.wait(30) == 64
    assert "--allow-context production" in command.stderr
    assert namespaces(kube) == set()
    assert not list(command.out.glob("*"))


def test_a_fault_that_can_fill_a_node_asks_first(tmp_path: Path, named: str, kube: Kube) -> None:
    command = Command(tmp_path, "run", scenario(tmp_path, "oomkilled-surprise"), "--context", named)
    assert command.wait(30) == 64
    assert "--allow nodes" in command.stderr
    assert namespaces(kube) == set()


@pytest.fixture(scope="module")
def least_token(kubeconfig: Path) -> str:
    """Of somebody who has what `seawall rbac` printed, and nothing else."""
    storms = (ROOT / "scenarios" / f"{name}.yaml" for name in ("rbac-blindspot", "dns-outage"))
    printed = subprocess.run([SEAWALL, "rbac", *storms], capture_output=True, text=True, timeout=30, check=True)
    role = yaml.safe_load(printed.stdout)
    assert not any("*" in word for rule in role["rules"] for words in rule.values() for word in words)
    return token(connect(kubeconfig=str(kubeconfig)), role)


class TestLeastPrivilege:
    """`seawall rbac` prints a role that is enough, and everything that its holder may not do is left alone."""

    @pytest.fixture
    def least(self, named: str, least_token: str) -> str:
        config = Path(os.environ["KUBECONFIG"])
        data = yaml.safe_load(config.read_text())
        data["users"][0]["user"] = {"token": least_token}
        config.write_text(yaml.safe_dump(data))
        return named

    @pytest.mark.parametrize("name", ["rbac-blindspot", pytest.param("dns-outage", marks=with_prometheus)])
    def test_the_role_is_enough_for_the_storms_it_was_printed_for(
        self, tmp_path: Path, least: str, kube: Kube, name: str
    ) -> None:
        command = Command(tmp_path, "run", scenario(tmp_path, name), "--context", least)
        assert command.wait(120) == 0, command.stdout + command.stderr
        assert namespaces(kube) == set()

    def test_doctor_tells_what_it_leaves(self, tmp_path: Path, least: str) -> None:
        storms = [scenario(tmp_path, name) for name in ("rbac-blindspot", "dns-outage", "lost-service")]
        command = Command(tmp_path, "doctor", *storms, "--context", least, "--format", "json")
        assert command.wait(60) == 2, command.stderr
        told = json.loads(command.stdout)
        assert told["network_policies"]["enforced"] is True
        assert {s["scenario"]: s["outcome"] for s in told["scenarios"]} == {
            "rbac-blindspot": "can run",
            "dns-outage": "can run",
            "lost-service": "cannot prove",
        }


class TestPreflight:
    """What a cluster can do is said before it is needed, and what it cannot do is never counted as proven."""

    def test_doctor_finds_that_policies_are_enforced_and_leaves_nothing(
        self, tmp_path: Path, named: str, kube: Kube
    ) -> None:
        command = Command(tmp_path, "doctor", ROOT / "scenarios", "--context", named, "--format", "json")
        assert command.wait(60) == 0, command.stderr
        told = json.loads(command.stdout)
        assert told["network_policies"]["enforced"] is True
        assert {s["outcome"] for s in told["scenarios"]} == {"can run"}
        assert {s["scenario"] for s in told["scenarios"] if s["allow_nodes"]} >= {"node-drain", "zone-outage"}
        assert namespaces(kube) == set()
        assert not list(command.out.glob("*"))

    def test_a_killed_doctor_is_healed(self, tmp_path: Path, named: str, kube: Kube) -> None:
        file = scenario(tmp_path, "lying-health-checks")
        command = Command(tmp_path, "doctor", file, "--context", named)
        wait_for(lambda: namespaces(kube), 20, "the namespace of the trial")
        command.signal(signal.SIGKILL)
        command.wait(10)
        done = recover(tmp_path)
        assert "the cluster is as it was before the run" in done.stdout, done.stderr
        assert namespaces(kube) == set()

    def test_an_interrupted_doctor_undoes_itself(self, tmp_path: Path, named: str, kube: Kube) -> None:
        file = scenario(tmp_path, "lying-health-checks")
        command = Command(tmp_path, "doctor", file, "--context", named)
        wait_for(lambda: namespaces(kube), 20, "the namespace of the trial")
        command.signal(signal.SIGTERM)
        assert command.wait(60) == 130
        assert namespaces(kube) == set()
        assert not list(command.out.glob("*"))

    def test_a_cluster_that_was_not_meant_is_not_asked_either(self, tmp_path: Path, named: str, kube: Kube) -> None:
        config = Path(os.environ["KUBECONFIG"])
        config.write_text(config.read_text().replace(named, "production"))
        command = Command(tmp_path, "doctor", "--context", "production")
        assert command.wait(30) == 64
        assert "--allow-context production" in command.stderr
        assert namespaces(kube) == set()

    def test_a_run_that_a_cluster_cannot_take_is_refused_before_anything_is_touched(
        self, tmp_path: Path, named: str, kube: Kube
    ) -> None:
        command = Command(tmp_path, "run", _crowded(tmp_path), "--context", named)
        assert command.wait(30) == 69
        assert "two-writers: it needs 4 nodes that take pods, and the cluster has 3" in command.stderr
        assert namespaces(kube) == set()
        assert not list(command.out.glob("*"))

    def test_what_is_left_out_is_not_proven(self, tmp_path: Path, named: str) -> None:
        phases = {"baseline": "3s", "fault": "4s", "recovery": "2s"}
        file = scenario(tmp_path, "rbac-blindspot", phases=phases)
        command = Command(tmp_path, "run", _crowded(tmp_path), file, "--context", named, "--format", "json")
        assert command.wait(90) == 2, command.stdout + command.stderr
        crowded, other = json.loads(command.stdout)
        assert {d["verdict"] for v in crowded["variants"] for d in v["verdicts"]} == {"not_proven"}
        assert {v["name"]: v["verdicts"][0]["verdict"] for v in other["variants"]} == BROKE_AND_HELD
        assert "two-writers: it needs 4 nodes" in command.stderr
        (page,) = command.out.glob("*-suite/suite.html")
        assert "two-writers" in page.read_text()
        assert "nothing to recover" in recover(tmp_path).stdout


def _crowded(folder: Path) -> Path:
    """A storm with one variant too many for each to have a node of its own."""
    variants = {"undefended": {"strip": ["storage.single-writer"]}, "defended": {}, "other": {}}
    return scenario(folder, "two-writers", variants=variants)
