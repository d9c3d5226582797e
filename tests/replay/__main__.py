"""Replay by hand: `python -m tests.replay [--save FOLDER] [CASE …]` prints what disagrees."""

import argparse
import json
import sys
from pathlib import Path

from tests.replay import fixtures
from tests.replay.compare import compare
from tests.replay.facts import facts
from tests.replay.known import KNOWN
from tests.replay.run import CASES, record_all


def main() -> int:
    parser = argparse.ArgumentParser(description="Replay recorded cases on embedded clusters")
    parser.add_argument("cases", nargs="*", default=sorted(CASES))
    parser.add_argument("--save", type=Path, help="folder for the recordings")
    asked = parser.parse_args()
    agreeing = True
    for name, rows in record_all(CASES[name] for name in asked.cases).items():
        if asked.save:
            asked.save.mkdir(parents=True, exist_ok=True)
            (asked.save / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        compared = compare(name, fixtures.load(name).facts, facts(rows), KNOWN)
        agreeing = agreeing and compared.agrees
        sys.stdout.write(f"== {name}: {compared}\n")
    return 0 if agreeing else 1


if __name__ == "__main__":
    sys.exit(main())
