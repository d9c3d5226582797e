"""The command's figures, medians beside what the design asks for: `python -m benchmarks.command`."""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

SEAWALL = Path(sys.executable).parent / "seawall"
SCENARIO = Path("scenarios/lying-health-checks.yaml")
ROUNDS = 5
RUNS = 3
DEPLOYMENTS = 1000


def seconds(*arguments: str | Path) -> float:
    before = time.monotonic()
    subprocess.run([SEAWALL, *arguments], check=False, capture_output=True)
    return time.monotonic() - before


def overhead_seconds(out: Path) -> float:
    """What a run of both variants takes beyond its phases: imports, boot, deploying, healing, judging, reporting."""
    spent = seconds("run", SCENARIO, "--out", out)
    (recording,) = out.glob("*/recording.jsonl")
    started = json.loads(recording.read_text().splitlines()[0])
    return spent - sum(float(text.removesuffix("s")) for text in _phases(started))


def _phases(started: dict[str, Any]) -> Iterator[str]:
    yield from (started["scenario"]["phases"][name] for name in ("baseline", "fault", "recovery"))


def manifests(count: int) -> str:
    """Deployments as tutorials write them, all different by name."""
    container = {"name": "main", "image": "nginx:1.27", "ports": [{"containerPort": 80}]}
    return yaml.safe_dump_all(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": f"app-{index}"},
            "spec": {
                "selector": {"matchLabels": {"app": f"app-{index}"}},
                "template": {"metadata": {"labels": {"app": f"app-{index}"}}, "spec": {"containers": [container]}},
            },
        }
        for index in range(count)
    )


def main() -> None:
    version = statistics.median(seconds("--version") for _ in range(ROUNDS))
    print(f"seawall --version               {version * 1000:7.0f} ms   (at most 150 ms)")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "deployments.yaml"
        file.write_text(manifests(DEPLOYMENTS))
        audit = statistics.median(seconds("audit", file) for _ in range(ROUNDS))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"audit of {DEPLOYMENTS} Deployments       {audit:7.2f} s    (at most 1.5 s)")
        print(f"  its memory                    {peak:7.0f} MB   (at most 150 MB)")
        runs = [overhead_seconds(Path(folder) / str(index)) for index in range(RUNS)]
        print(f"run, beyond its phases          {statistics.median(runs):7.2f} s    (at most 4 s; cluster booted anew)")


if __name__ == "__main__":
    main()
