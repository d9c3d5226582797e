"""The facts of the real cluster: one file a case, derived from its recordings by `python -m tests.replay.derive`."""

import json
from dataclasses import dataclass
from pathlib import Path

from tests.replay.facts import Facts

FOLDER = Path(__file__).with_name("recorded")
QUICK_SECONDS = 9.5


@dataclass(frozen=True, slots=True)
class Recorded:
    case: str
    seconds: float
    """How long the recording took, and the replay will."""
    facts: Facts

    @property
    def quick(self) -> bool:
        return self.seconds <= QUICK_SECONDS


def save(recorded: Recorded) -> None:
    content = {"seconds": recorded.seconds, "facts": recorded.facts.lines, "measures": recorded.facts.measures}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (FOLDER / f"{recorded.case}.json").write_text(text + "\n")


def load(case: str) -> Recorded:
    content = json.loads((FOLDER / f"{case}.json").read_text())
    measures = {name: tuple(values) for name, values in content["measures"].items()}
    return Recorded(case, content["seconds"], Facts(tuple(content["facts"]), measures))
