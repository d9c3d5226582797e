"""A workload that is nothing of ours: drafted by `seawall new` from its manifests, and run to a verdict."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.machine import ROOT, SEAWALL, Command

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(180)]

WEB = ROOT / "tests/e2e/stranger/web.yaml"
SHORT = {"baseline": "4s", "fault": "18s", "recovery": "8s"}


def drafted(folder: Path, kind: str, **changes: Any) -> Path:
    """With shorter phases."""
    subprocess.run([SEAWALL, "new", kind, WEB, "--name", "mine", "--out", folder], check=True, capture_output=True)
    path = folder / "mine.yaml"
    data = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**data, "phases": SHORT, **changes}))
    return path


@pytest.mark.parametrize("fault", ["deadlock", "crash", "memory-leak"])
def test_a_defense_that_was_stripped_breaks_and_the_same_one_in_place_holds(tmp_path: Path, fault: str) -> None:
    command = Command(tmp_path, "run", drafted(tmp_path, fault))
    assert command.wait(150) == 0, command.stdout + command.stderr
    command.assert_nothing_left()
    assert command.verdicts() == {"undefended": "broke", "defended": "held"}


def test_a_leak_too_small_to_be_seen_proves_nothing(tmp_path: Path) -> None:
    phases = {"baseline": "3s", "fault": "8s", "recovery": "3s"}
    small = drafted(tmp_path, "memory-leak", phases=phases, fault={"memory-leak": {"per_second": "4Ki"}})
    command = Command(tmp_path, "run", small, "--variant", "defended")
    assert command.wait() == 2, command.stdout + command.stderr
    command.assert_nothing_left()
    assert command.verdicts() == {"defended": "not_proven"}
