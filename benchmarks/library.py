"""The whole library, again and again: does it take six minutes, and is every verdict the same each time?

`python -m benchmarks.library [TIMES]`; one run if nothing is said. On a machine that does nothing else.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

SEAWALL = Path(sys.executable).parent / "seawall"
PARALLEL = 4
SECONDS_MAX = 360

Verdicts = dict[str, str]
"""By scenario, variant and defense."""


def run(out: Path) -> float:
    """Seconds for every storm of the library, both variants."""
    before = time.monotonic()
    command = [SEAWALL, "run", "scenarios/", "--parallel", str(PARALLEL), "--out", out]
    subprocess.run(command, check=False, capture_output=True)
    return time.monotonic() - before


def verdicts(out: Path) -> Verdicts:
    found = {}
    for path in out.glob("*/result.json"):
        result = json.loads(path.read_text())
        for variant in result["variants"]:
            for judged in variant["verdicts"]:
                found[f"{result['scenario']} {variant['name']} {judged['defense']}"] = judged["verdict"]
    return found


def unexpected(out: Path) -> list[str]:
    """The scenarios that did not come out as they say."""
    results = [json.loads(path.read_text()) for path in out.glob("*/result.json")]
    return sorted(result["scenario"] for result in results if result["exit_code"] != 0)


def differing(runs: list[Verdicts]) -> list[str]:
    """What was not the same in every run, with how often it was what."""
    keys = sorted({key for found in runs for key in found})
    counts = {key: Counter(found.get(key, "missing") for found in runs) for key in keys}
    return [f"{key}: {dict(count)}" for key, count in counts.items() if len(count) > 1]


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    seconds, found = [], []
    for number in range(1, times + 1):
        with tempfile.TemporaryDirectory() as folder:
            seconds.append(run(Path(folder)))
            found.append(verdicts(Path(folder)))
            odd = unexpected(Path(folder))
        told = f"not as expected: {', '.join(odd)}" if odd else "all as expected"
        print(f"run {number:2}   {seconds[-1]:4.0f} s   {len(found[-1])} verdicts, {told}", flush=True)
    print(f"longest   {max(seconds):4.0f} s   (at most {SECONDS_MAX} s)")
    for line in differing(found) or [f"the same verdicts {times} times out of {times}"]:
        print(line)


if __name__ == "__main__":
    main()
