"""`seawall new`: what is read off a workload, and that every draft is a scenario."""

from pathlib import Path

import pytest
import yaml

from chaos.draft import draft, fault_phase, find_target, path_of
from chaos.faults import registry
from chaos.manifests import Manifests, load
from chaos.problems import InputErrors
from chaos.scenario import read

LIBRARY = Path(__file__).parents[2] / "scenarios"
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.example/web:1
          ports: [{containerPort: 8080}]
          PROBES
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: front}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""
READINESS = "readinessProbe: {httpGet: {path: /up, port: 8080}, periodSeconds: 15}"


def manifests(folder: Path, *texts: str, probes: str = READINESS) -> Manifests:
    file = folder / "web.yaml"
    file.write_text("---\n".join(texts).replace("PROBES", probes))
    return load([file], folder)


def drafted(folder: Path, fault: str) -> Path:
    texts = draft(
        manifests(folder, DEPLOYMENT, SERVICE),
        registry[fault],
        name="mine",
        paths=("web.yaml",),
        locustfile="mine_users.py",
    )
    (folder / "mine_users.py").write_text(texts.locustfile)
    (folder / "mine.yaml").write_text(texts.scenario)
    return folder / "mine.yaml"


@pytest.mark.parametrize("fault", sorted(registry))
def test_every_faults_draft_is_a_good_scenario(fault: str, tmp_path: Path) -> None:
    scenario = read(drafted(tmp_path, fault))
    assert scenario.fault_name == fault
    assert scenario.workload.target == "deployment/web"
    assert scenario.load.service == "front"


def test_users_ask_for_what_the_probe_asks_for(tmp_path: Path) -> None:
    drafted(tmp_path, "node-drain")
    assert 'self.client.get("/up")' in (tmp_path / "mine_users.py").read_text()
    (web, *_) = manifests(tmp_path, DEPLOYMENT, SERVICE, probes="")
    assert path_of(web) == "/"


@pytest.mark.parametrize(
    ("probes", "seconds"),
    [
        ("", 20),
        (READINESS, 3 * 15 + 10),
        ("livenessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 10, failureThreshold: 2}", 2 * 10 + 30 + 10),
        ("livenessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 600}", 300),
    ],
)
def test_the_fault_lasts_until_the_slowest_probe_has_lost_patience(probes: str, seconds: int, tmp_path: Path) -> None:
    (web, *_) = manifests(tmp_path, DEPLOYMENT, SERVICE, probes=probes)
    assert fault_phase(web).seconds == seconds


def test_a_workload_that_no_service_leads_to_is_refused_where_it_stands(tmp_path: Path) -> None:
    with pytest.raises(InputErrors, match="no Service leads to deployment/web"):
        draft(
            manifests(tmp_path, DEPLOYMENT, SERVICE.replace("app: web", "app: wbe")),
            registry["node-drain"],
            name="mine",
            paths=("web.yaml",),
            locustfile="u.py",
        )


def test_the_target_must_be_said_when_there_are_several(tmp_path: Path) -> None:
    both = manifests(tmp_path, DEPLOYMENT, DEPLOYMENT.replace("name: web", "name: api"), SERVICE)
    with pytest.raises(InputErrors, match="deployment/api, deployment/web"):
        find_target(both, "")
    with pytest.raises(InputErrors, match="did you mean 'deployment/web'"):
        find_target(both, "deployment/wbe")
    assert find_target(both, "deployment/api").name == "api"


def test_what_a_draft_promises_is_what_the_fault_puts_to_the_test(tmp_path: Path) -> None:
    data = yaml.safe_load(drafted(tmp_path, "stolen-token").read_text())
    assert data["pattern"] == "rbac-blindspot"
    assert data["expect"] == {"undefended": {"rbac": "broke"}, "defended": {"rbac": "held"}}


@pytest.mark.parametrize("fault", sorted(registry))
def test_a_drafts_pattern_is_that_of_the_librarys_scenarios_with_its_fault_and_defense(
    fault: str, tmp_path: Path
) -> None:
    mine = read(drafted(tmp_path, fault))
    library = [read(path) for path in sorted(LIBRARY.glob("*.yaml"))]
    alike = {s.pattern for s in library if s.fault_name == fault and s.defenses == mine.defenses}
    assert not alike or mine.pattern in alike
