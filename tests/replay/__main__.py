"""Replay by hand: `python -m tests.replay [--save FOLDER] [--page FILE] [CASE …]` prints what disagrees.

With `--record KUBECONFIG` the cases are asked of the real cluster there instead, and what it did is kept in recorded/.
It should look like the one in `run.py`: two nodes, node1 and node2, nothing else running, a default StorageClass.
"""

import argparse
import json
import sys
from pathlib import Path

from tests.replay import fixtures
from tests.replay.compare import Comparison, compare
from tests.replay.facts import facts
from tests.replay.known import KNOWN
from tests.replay.page import page
from tests.replay.run import CASES, record_all, record_on


def main() -> int:
    parser = argparse.ArgumentParser(description="Replay recorded cases on embedded clusters")
    parser.add_argument("cases", nargs="*", default=sorted(CASES))
    parser.add_argument("--save", type=Path, help="folder for the recordings")
    parser.add_argument("--page", type=Path, help="write the page about fidelity here")
    parser.add_argument("--record", type=Path, metavar="KUBECONFIG", help="a real cluster, to record the cases anew")
    asked = parser.parse_args()
    cases = [CASES[name] for name in asked.cases]
    recordings = record_on(asked.record, cases) if asked.record else record_all(cases)
    if asked.save:
        asked.save.mkdir(parents=True, exist_ok=True)
    found: dict[str, Comparison] = {}
    for name, rows in recordings.items():
        if asked.save:
            (asked.save / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        if asked.record:
            fixtures.save(name, facts(rows))
        found[name] = compare(name, fixtures.load(name), facts(rows), KNOWN)
        sys.stdout.write(f"== {name}: {found[name]}\n")
    if asked.page:
        asked.page.write_text(page(found))
    return 0 if all(compared.agrees for compared in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
