"""What a run of Seawall could leave on the machine, and how to run it as a user does."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.runtime.images import on_host

ROOT = Path(__file__).parents[2]
SEAWALL = Path(sys.executable).parent / "seawall"
STATE = Path("/var/lib/seawall")
with_prometheus = pytest.mark.skipif(
    on_host("prometheus") is None, reason="no Prometheus here; ./setup.sh prometheus brings it"
)


def scenario(folder: Path, name: str, **changes: Any) -> Path:
    """One of the library's scenarios with some keys changed, in a folder of its own."""
    data = yaml.safe_load((ROOT / "scenarios" / f"{name}.yaml").read_text())
    data["workload"]["manifests"] = [str(ROOT / "scenarios" / path) for path in data["workload"]["manifests"]]
    data["load"]["locustfile"] = str(ROOT / "scenarios" / data["load"]["locustfile"])
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**data, **changes}))
    return path


class Command:
    """`seawall …`, running; what it prints is read at its end."""

    def __init__(self, folder: Path, *arguments: str | Path) -> None:
        self.out = folder / "runs"
        self._stderr = (folder / "stderr").open("w+")
        self._process = subprocess.Popen(
            [SEAWALL, *map(str, arguments), "--out", self.out],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )

    def wait(self, seconds: float = 90) -> int:
        self.stdout, _ = self._process.communicate(timeout=seconds)
        self._stderr.seek(0)
        self.stderr = self._stderr.read()
        return self._process.returncode

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    @property
    def pid(self) -> int:
        return self._process.pid

    def until(self, phase: str, seconds: float = 60) -> None:
        """Until every variant of the run is in the phase."""
        wait_for(lambda: phase in self._phases(), seconds, f"phase {phase}")

    def _phases(self) -> list[str]:
        recordings = list(self.out.glob("*/recording.jsonl"))
        lines = recordings[0].read_text().splitlines()[:-1] if recordings else []
        return [r["phase"] for line in lines if (r := json.loads(line))["kind"] == "phase"]

    @property
    def folder(self) -> Path:
        (found,) = self.out.glob("*")
        return found

    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "result.json").read_text())
        return found

    def verdicts(self) -> dict[str, str]:
        return {v["name"]: d["verdict"] for v in self.result()["variants"] for d in v["verdicts"]}

    def assert_nothing_left(self, seconds: float = 5) -> None:
        """Of the clusters that this command had for itself, nothing is on the machine any more."""
        journals = list(self.out.glob("*/journal.jsonl"))
        assert journals
        headers = [json.loads(journal.read_text().splitlines()[0])["header"] for journal in journals]
        assert all(header["ephemeral"] for header in headers)
        ids = [Path(header["kubeconfig"]).parent.name for header in headers]
        wait_for(lambda: not any(map(traces, ids)), seconds, f"every trace of clusters {ids} gone")

    def cluster(self) -> int:
        """Process 1 of the cluster that this command started, as this machine counts."""
        launcher = next(int(pid) for pid, parent, line in processes() if parent == self.pid and "unshare" in line)
        return next(pid for pid, parent, _ in processes() if parent == launcher)


def processes() -> Iterator[tuple[int, int, str]]:
    """(process id, parent, command line) of every process."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        yield int(folder.name), parent, line


def wait_for(true: Callable[[], object], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.05)


def traces(id: str) -> list[str]:
    """Everything of a cluster that is on the machine."""
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/seawall-{id}")]
    folders = [str(STATE / id)] if (STATE / id).exists() else []
    running = [line for pid, _, line in processes() if f"seawall/{id}" in line and pid != os.getpid()]
    mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if id in line]
    return groups + folders + running + mounts
