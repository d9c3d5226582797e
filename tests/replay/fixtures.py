"""The facts of the real cluster: one file a case, derived from its recordings by `python -m tests.replay.derive`."""

import json
from pathlib import Path

from tests.replay.facts import Facts

FOLDER = Path(__file__).with_name("recorded")
QUICK_SECONDS = 9.5


def save(case: str, facts: Facts) -> None:
    content = {"seconds": facts.seconds, "facts": facts.lines, "measures": facts.measures}
    (FOLDER / f"{case}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def load(case: str) -> Facts:
    content = json.loads((FOLDER / f"{case}.json").read_text())
    measures = {name: tuple(values) for name, values in content["measures"].items()}
    return Facts(tuple(content["facts"]), measures, content["seconds"])


def is_quick(case: str) -> bool:
    return load(case).seconds <= QUICK_SECONDS
