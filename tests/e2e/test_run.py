"""`seawall run` as a user runs it: real containers, real load, a real deadlock, and verdicts."""

import json
import os
import signal
from pathlib import Path

import pytest
import yaml

from chaos.judge import judge_file
from tests.e2e.machine import ROOT, Command, scenario

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(180)]

SHORT = {"baseline": "4s", "fault": "16s", "recovery": "4s"}


def run(folder: Path, *arguments: str | Path) -> Command:
    return Command(folder, "run", *arguments)


def test_the_same_storm_breaks_the_undefended_side_and_not_the_defended(tmp_path: Path) -> None:
    """And the command says so with exit code 0, leaves a report that opens offline, and nothing on the machine."""
    command = run(tmp_path, scenario(tmp_path, "lying-health-checks", phases=SHORT))
    assert command.wait() == 0, command.stdout + command.stderr
    command.assert_nothing_left()
    assert command.verdicts() == {"undefended": "broke", "defended": "held"}
    html = (command.folder / "report.html").read_text()
    assert "lying-health-checks" in html
    assert "HELD" in command.stdout
    assert "BROKE" in command.stdout


def test_what_runs_is_asked_of_the_runtime_and_of_who_has_scanned_it(tmp_path: Path) -> None:
    command = run(tmp_path, scenario(tmp_path, "unscanned-image"))
    assert command.wait() == 0, command.stdout + command.stderr
    command.assert_nothing_left()
    assert command.verdicts() == {"undefended": "broke", "defended": "held"}


@pytest.mark.parametrize("name", ["liveness-cascade", "unready-traffic"])
def test_a_probe_that_asks_the_wrong_question_breaks_and_one_that_asks_the_right_one_does_not(
    tmp_path: Path, name: str
) -> None:
    command = run(tmp_path, scenario(tmp_path, name))
    assert command.wait() == 0, command.stdout + command.stderr
    command.assert_nothing_left()
    assert command.verdicts() == {"undefended": "broke", "defended": "held"}


@pytest.mark.parametrize("name", ["undersized-limits", "noisy-neighbour", "evicted-first"])
def test_requests_and_limits_are_worth_what_somebody_measured(tmp_path: Path, name: str) -> None:
    """A limit too small for real traffic, a request left out beside a hungry neighbour; nothing else differs."""
    command = run(tmp_path, scenario(tmp_path, name))
    assert command.wait(150) == 0, command.stdout + command.stderr
    command.assert_nothing_left()
    assert command.verdicts() == {"undefended": "broke", "defended": "held"}


def test_storms_side_by_side_each_have_a_cluster_of_their_own(tmp_path: Path) -> None:
    """Their verdicts are those they would have alone, in the order they were asked for."""
    phases = {"baseline": "3s", "fault": "4s", "recovery": "2s"}
    names = ["rbac-blindspot", "stolen-token"]
    command = run(tmp_path, *(scenario(tmp_path, name, phases=phases) for name in names), "--parallel", "2")
    assert command.wait() == 0, command.stdout + command.stderr
    command.assert_nothing_left()
    headers = [json.loads(p.read_text().splitlines()[0])["header"] for p in command.out.glob("*/journal.jsonl")]
    assert len({header["kubeconfig"] for header in headers}) == 2
    assert command.stdout.index("rbac-blindspot") < command.stdout.index("stolen-token")


def test_one_signal_ends_all_storms_side_by_side(tmp_path: Path) -> None:
    names = ["rbac-blindspot", "stolen-token", "open-network"]
    command = run(tmp_path, *(scenario(tmp_path, name) for name in names), "--parallel", "2")
    command.until("baseline")
    command.signal(signal.SIGINT)
    assert command.wait(30) == 130
    command.assert_nothing_left()
    assert len(list(command.out.glob("*/journal.jsonl"))) == 2


def test_a_fault_that_does_not_bite_proves_nothing(tmp_path: Path) -> None:
    """A leak too small to be seen: the defenses were never tried, and nothing may read as green."""
    path = scenario(
        tmp_path,
        "oomkilled-surprise",
        phases={"baseline": "3s", "fault": "11s", "recovery": "3s"},
        fault={"memory-leak": {"pods": 1, "per_request": "1Ki"}},
    )
    command = run(tmp_path, path, "--variant", "defended")
    assert command.wait() == 2, command.stdout
    command.assert_nothing_left()
    assert command.verdicts() == {"defended": "not_proven"}


def test_a_workload_that_never_becomes_ready_is_said_to_be_so(tmp_path: Path) -> None:
    objects = list(yaml.safe_load_all((ROOT / "scenarios/workloads/shop.yaml").read_text()))
    for obj in objects:
        if obj["kind"] == "Deployment" and obj["metadata"]["name"] == "catalog":
            obj["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/absent:1"
    workload = tmp_path / "shop.yaml"
    workload.write_text(yaml.safe_dump_all(objects))
    path = scenario(tmp_path, "lying-health-checks", deadline="6s")
    data = yaml.safe_load(path.read_text())
    data["workload"]["manifests"][1] = str(workload)
    path.write_text(yaml.safe_dump(data))
    command = run(tmp_path, path, "--variant", "defended")
    assert command.wait() == 2, command.stdout
    command.assert_nothing_left()
    assert "ImagePull" in command.stdout.replace("\n", ""), command.stdout
    assert command.verdicts() == {"defended": "not_proven"}


class TestInterruptions:
    """However a run ends, everything is undone, nothing is left, and the recording is judged not_proven."""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_being_told_to_stop(self, tmp_path: Path, number: signal.Signals) -> None:
        command = run(tmp_path, scenario(tmp_path, "lying-health-checks"))
        command.until("fault")
        command.signal(number)
        assert command.wait(20) == 130
        command.assert_nothing_left()
        assert set(command.verdicts().values()) == {"not_proven"}

    def test_sigkill_of_the_command(self, tmp_path: Path) -> None:
        command = run(tmp_path, scenario(tmp_path, "lying-health-checks"))
        command.until("fault")
        command.signal(signal.SIGKILL)
        command.wait(5)
        command.assert_nothing_left()
        result = judge_file(command.folder / "recording.jsonl")
        assert {d.verdict for v in result.variants for d in v.verdicts} == {"not_proven"}

    def test_sigkill_of_the_cluster(self, tmp_path: Path) -> None:
        command = run(tmp_path, scenario(tmp_path, "lying-health-checks"))
        command.until("fault")
        os.kill(command.cluster(), signal.SIGKILL)
        assert command.wait(20) == 69
        command.assert_nothing_left()
        assert "the embedded cluster died" in command.stderr
        assert set(command.verdicts().values()) == {"not_proven"}
