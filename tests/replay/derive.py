"""Derive recorded/ from recordings of a real cluster: `python -m tests.replay.derive FOLDER-OF-JSONL [CASE …]`."""

import json
import sys
from pathlib import Path

from tests.replay.facts import facts
from tests.replay.fixtures import save
from tests.replay.run import CASES


def derive(folder: Path, case: str) -> None:
    rows = [json.loads(line) for line in (folder / f"{case}.jsonl").read_text().splitlines()]
    save(case, facts(rows))


if __name__ == "__main__":
    for name in sys.argv[2:] or CASES:
        derive(Path(sys.argv[1]), name)
