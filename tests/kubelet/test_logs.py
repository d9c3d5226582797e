"""Logs in the CRI format, as kubectl asks for them."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.kubelet.lastwords import last_words
from cluster.kubelet.logs import Line, limited, moment, parse_line, select, show, stream
from cluster.nodeservice import LogOptions
from cluster.runtime.logs import rotate
from tests.kubelet.fakes import container, simulate

STAMPS = [f"2026-11-22T20:00:0{second}.123456789Z" for second in range(4)]
ENTRIES = [
    f"{STAMPS[0]} stdout F one\n",
    f"{STAMPS[1]} stderr P half \n",
    f"{STAMPS[2]} stderr F and half\n",
    f"{STAMPS[3]} stdout F \n",
]


def lines() -> list[Line]:
    return [parsed for entry in ENTRIES if (parsed := parse_line(entry.encode()))]


def text(options: LogOptions, now: float = 0) -> str:
    return b"".join(show(select(lines(), options, now), timestamps=options.timestamps)).decode()


def test_lines_are_joined_and_empty_ones_kept() -> None:
    assert text(LogOptions()) == "one\nhalf and half\n\n"


def test_stamps_begin_lines_not_parts_of_them() -> None:
    shown = text(LogOptions(timestamps=True))
    assert shown == f"{STAMPS[0]} one\n{STAMPS[1]} half and half\n{STAMPS[3]} \n"


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, ""), (1, "\n"), (2, "half and half\n\n"), (3, "one\nhalf and half\n\n"), (9, "one\nhalf and half\n\n")],
)
def test_the_tail_counts_whole_lines(count: int, shown: str) -> None:
    assert text(LogOptions(tail_lines=count)) == shown


def test_since_is_relative_to_now() -> None:
    assert text(LogOptions(since_seconds=1), moment(STAMPS[3].encode()) + 0.5) == "\n"


@given(st.lists(st.binary(max_size=5), max_size=8), st.integers(0, 30))
def test_a_limit_is_never_exceeded_and_nothing_within_it_is_lost(chunks: list[bytes], limit: int) -> None:
    assert b"".join(limited(chunks, limit)) == b"".join(chunks)[:limit]


@given(st.binary(max_size=40))
def test_whatever_is_in_a_log_it_is_read(raw: bytes) -> None:
    parsed = parse_line(raw)
    assert parsed is None or parsed.text in raw


def test_following_ends_with_the_container(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.write_text(ENTRIES[0])

    async def scenario() -> None:
        alive = True

        async def write() -> None:
            nonlocal alive
            await asyncio.sleep(1)
            with path.open("a") as file:
                file.write(f"{STAMPS[1]} stdout F two\n{STAMPS[2]} stdout F unfini")
            await asyncio.sleep(1)
            with path.open("a") as file:
                file.write("shed\n")
            alive = False

        writing = asyncio.ensure_future(write())
        shown = [chunk async for chunk in stream(path, LogOptions(follow=True), 0, lambda: alive)]
        await writing
        assert shown == [b"one\n", b"two\n", b"unfinished\n"]

    simulate(scenario())


def followed(path: Path, put_away: Callable[[Path], None]) -> str:
    """What is shown of a log whose file is put away just after its second line, its container ended by then."""
    path.write_text(ENTRIES[0])
    shown: list[bytes] = []

    async def scenario() -> None:
        async def write() -> None:
            await asyncio.sleep(1)
            with path.open("a") as file:
                file.write(f"{STAMPS[1]} stdout F two\n")
            put_away(path)

        writing = asyncio.ensure_future(write())
        shown.extend([c async for c in stream(path, LogOptions(follow=True), 0, lambda: not writing.done())])

    simulate(scenario())
    return b"".join(shown).decode()


def test_what_a_container_said_last_is_read_though_its_log_is_gone(tmp_path: Path) -> None:
    """A pod that was deleted is gone with its logs a moment after its containers have ended."""
    assert followed(tmp_path / "0.log", Path.unlink) == "one\ntwo\n"


def test_following_goes_on_where_a_full_log_was_put_aside(tmp_path: Path) -> None:
    def begin_another(path: Path) -> None:
        rotate(path)
        path.write_text(f"{STAMPS[2]} stdout F three\n")

    assert followed(tmp_path / "0.log", begin_another) == "one\ntwo\nthree\n"


def test_five_files_are_kept(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / "0.log").write_text(str(number))
        rotate(tmp_path / "0.log")
    kept = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert kept == {"0.log.1": "6", "0.log.2": "5", "0.log.3": "4", "0.log.4": "3"}


def test_last_words_come_from_the_file_else_from_the_log_of_a_failure(tmp_path: Path) -> None:
    file, log = tmp_path / "words", tmp_path / "log"
    log.write_text("".join(ENTRIES[:1]))
    fallback = container(terminationMessagePolicy="FallbackToLogsOnError")
    assert last_words(container(), file, log, 1) == ""
    assert last_words(fallback, file, log, 1) == "one\n"
    assert last_words(fallback, file, log, 0) == ""
    file.write_text("farewell")
    assert last_words(fallback, file, log, 1) == "farewell"
