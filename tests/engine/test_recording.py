"""The recording survives a kill: whole lines are read back as written, a torn one is skipped."""

from itertools import count
from pathlib import Path

from chaos.recording import Fault, Phase, Recorder, RunStarted, Trouble, read


def recorder(path: Path) -> Recorder:
    ticks = count()
    return Recorder(path.open("a", encoding="utf-8"), monotonic=lambda: float(next(ticks)), wall=lambda: 1000.0)


def test_records_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    writing = recorder(path)
    written = [
        writing.write(RunStarted, run="r", seed=7, variants={"a": {"strip": []}}),
        writing.write(Phase, "a", phase="fault"),
        writing.write(Fault, "a", fault="deadlock", step="witness", ok=True, data={"x": 1}),
        writing.write(Trouble, what="ended", detail="é\n"),
    ]
    assert list(read(path)) == written
    assert [r.t for r in written] == [1.0, 2.0, 3.0, 4.0]


def test_a_line_cut_short_by_a_kill_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    writing = recorder(path)
    kept = writing.write(Phase, "a", phase="fault")
    writing.write(Phase, "a", phase="recovery")
    path.write_bytes(path.read_bytes()[:-5])
    assert list(read(path)) == [kept]


def test_kinds_and_keys_of_later_versions_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    path.write_text(
        '{"kind":"novelty","t":1,"wall":2}\n{"kind":"phase","t":1,"wall":2,"variant":"a","phase":"fault","new":1}\n'
    )
    assert [r.kind for r in read(path)] == ["phase"]


def test_listeners_hear_every_record(tmp_path: Path) -> None:
    heard: list[object] = []
    writing = recorder(tmp_path / "r")
    writing.listeners.append(heard.append)
    record = writing.write(Phase, "a", phase="fault")
    assert heard == [record]
