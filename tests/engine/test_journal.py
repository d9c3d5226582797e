"""The journal: after a kill at any byte, what is on disk tells what is left to undo."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.journal import Header, Journal, Undo, read

HEADER = Header(run="r1", context="kind-x", kubeconfig="", server="https://127.0.0.1", ephemeral=False, snapshot={})


def undo(name: str) -> Undo:
    return Undo(action="delete-namespace", path=f"/api/v1/namespaces/{name}", why=f"delete {name}")


def test_what_was_promised_and_not_undone_is_left_newest_first(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "journal.jsonl", HEADER)
    first, second, third = (journal.will(undo(n)) for n in "abc")
    journal.undone(second)
    pending = read(journal.path)
    assert pending.header == HEADER
    assert [n for n, _ in pending.undos] == [third, first]
    assert not pending.healed


def test_a_promise_is_on_disk_before_the_call_returns(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "journal.jsonl", HEADER)
    journal.will(undo("a"))
    assert [u for _, u in read(journal.path).undos] == [undo("a")]  # the file is still open: nothing waited for close


def test_a_journal_is_never_written_over(tmp_path: Path) -> None:
    Journal.create(tmp_path / "journal.jsonl", HEADER)
    with pytest.raises(FileExistsError):
        Journal.create(tmp_path / "journal.jsonl", HEADER)


def test_a_reopened_journal_goes_on_after_a_torn_line(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "journal.jsonl", HEADER)
    number = journal.will(undo("a"))
    journal.close()
    with journal.path.open("a", encoding="utf-8") as file:
        file.write('{"will": 1, "acti')
    again = Journal.reopen(journal.path, HEADER)
    again.undone(number)
    again.healed()
    pending = read(journal.path)
    assert pending.undos == ()
    assert pending.healed


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text('{"head')
    with pytest.raises(ValueError, match="not a journal"):
        read(tmp_path / "x")


@given(cut=st.floats(0, 1), undone=st.sets(st.integers(0, 4)))
def test_whatever_byte_a_kill_cuts_at_no_whole_promise_is_lost(
    tmp_path_factory: pytest.TempPathFactory, cut: float, undone: set[int]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    journal = Journal.create(path, HEADER)
    header_ends = path.stat().st_size
    numbers = [journal.will(undo(str(i))) for i in range(5)]
    for number in sorted(undone):
        journal.undone(number)
    whole = path.read_bytes()
    at = header_ends + round(cut * (len(whole) - header_ends))
    path.write_bytes(whole[:at])
    *kept, last = whole[:at].decode().split("\n")
    promised = {n for n in numbers if any(line.startswith(f'{{"will": {n},') for line in kept)}
    # What is whole but for its newline tells as much as with it.
    redeemed = {n for n in undone if f'{{"undone": {n}}}' in [*kept, last]}
    left = {n for n, _ in read(path).undos}
    assert promised - redeemed <= left
