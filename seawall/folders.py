"""The folder of a run: its recording, its journal, its result and the reports."""

from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from chaos import recording
from chaos.judge import judge
from chaos.result import Result
from reports.write import write

RECORDING, RESULT, JOURNAL = "recording.jsonl", "result.json", "journal.jsonl"


def make(out: Path, name: str) -> Path:
    """A new folder in `out`, named after the moment and the run; a number tells runs of the same second apart."""
    stamped = out / f"{stamp()}-{name}"
    for number in count(1):
        folder = stamped.with_name(f"{stamped.name}-{number}" if number > 1 else stamped.name)
        with suppress(FileExistsError):
            folder.mkdir(parents=True)
            break
    return folder


def stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S")


def judged(folder: Path) -> Result:
    """Judge the recording, and write the result and the report."""
    result = judge(recording.read(folder / RECORDING))
    (folder / RESULT).write_text(result.model_dump_json(indent=1), encoding="utf-8")
    write(result, folder, ("html",))
    return result
