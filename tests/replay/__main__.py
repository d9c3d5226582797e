"""Replay by hand: `python -m tests.replay [--save FOLDER] [--page FILE] [CASE …]` prints what disagrees."""

import argparse
import json
import sys
from pathlib import Path

from tests.replay import fixtures
from tests.replay.compare import Comparison, compare
from tests.replay.facts import facts
from tests.replay.known import KNOWN
from tests.replay.page import page
from tests.replay.run import CASES, record_all


def main() -> int:
    parser = argparse.ArgumentParser(description="Replay recorded cases on embedded clusters")
    parser.add_argument("cases", nargs="*", default=sorted(CASES))
    parser.add_argument("--save", type=Path, help="folder for the recordings")
    parser.add_argument("--page", type=Path, help="write the page about fidelity here")
    asked = parser.parse_args()
    found: dict[str, Comparison] = {}
    for name, rows in record_all(CASES[name] for name in asked.cases).items():
        if asked.save:
            asked.save.mkdir(parents=True, exist_ok=True)
            (asked.save / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        found[name] = compare(name, fixtures.load(name), facts(rows), KNOWN)
        sys.stdout.write(f"== {name}: {found[name]}\n")
    if asked.page:
        asked.page.write_text(page(found))
    return 0 if all(compared.agrees for compared in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
