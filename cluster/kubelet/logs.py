"""Container logs in the CRI format, `<RFC 3339 nano> stdout|stderr F|P <text>`, as `kubectl logs` shows them."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from cluster.nodeservice import LogOptions
from cluster.runtime.logs import rotated
from cluster.timestamps import parse_time

_STAMP = re.compile(r"([^.]+?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)")
_POLL_SECONDS = 0.1
_CHUNK = 65536


class Line(NamedTuple):
    """One entry; `text` ends with a newline unless the entry is only part of a line."""

    stamp: bytes
    text: bytes

    @property
    def complete(self) -> bool:
        return self.text.endswith(b"\n")


class Place(NamedTuple):
    """Where in a log somebody reads: in which file (its inode; 0 before the first), and how far in it."""

    file: int = 0
    offset: int = 0


def parse_line(raw: bytes) -> Line | None:
    """None for what is no CRI log entry: the last one while it is being written, for instance."""
    parts = raw.split(b" ", 3)
    if len(parts) != 4 or not raw.endswith(b"\n") or parts[2] not in (b"F", b"P"):
        return None
    stamp, _, tag, text = parts
    return Line(stamp, text if tag == b"F" else text[:-1])


def select(lines: list[Line], options: LogOptions, now: float) -> list[Line]:
    """By tail_lines, since_seconds and since."""
    since = options.since if options.since_seconds is None else now - options.since_seconds
    if since is not None:
        lines = [line for line in lines if moment(line.stamp) >= since]
    if options.tail_lines is None:
        return lines
    return lines[_start_of_tail(lines, options.tail_lines) :]


def moment(stamp: bytes) -> float:
    """Seconds since 1970, to the microsecond: of the stamp's nanoseconds Python's datetime reads no more."""
    match = _STAMP.fullmatch(stamp.decode())
    if match is None:
        return 0.0
    return parse_time(f"{match[1]}.{(match[2] or '0')[:6]}{match[3]}")


def show(lines: Iterable[Line], *, timestamps: bool) -> Iterator[bytes]:
    """The bytes of each entry; a stamp at the beginning of each line if asked."""
    fresh = True
    for line in lines:
        yield line.stamp + b" " + line.text if timestamps and fresh else line.text
        fresh = line.complete


def limited(chunks: Iterable[bytes], limit: int | None) -> Iterator[bytes]:
    """At most `limit` bytes in all."""
    left = limit
    for chunk in chunks:
        part = chunk if left is None else chunk[:left]
        if part:
            yield part
        left = None if left is None else left - len(part)
        if left is not None and left <= 0:
            return


async def stream(path: Path, options: LogOptions, now: float, alive: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The log, then, if followed, what is added while the container is `alive`."""
    raw, at = await asyncio.to_thread(_read, path, Place())
    chosen = select(raw, options, now)
    left = options.limit_bytes
    for chunk in _batched(limited(show(chosen, timestamps=options.timestamps), left)):
        left = None if left is None else left - len(chunk)
        yield chunk
    while options.follow and (left is None or left > 0):
        still = alive()
        raw, at = await asyncio.to_thread(_read, path, at)
        for chunk in _batched(limited(show(raw, timestamps=options.timestamps), left)):
            left = None if left is None else left - len(chunk)
            yield chunk
        if not still:
            return
        await asyncio.sleep(_POLL_SECONDS)


def _read(path: Path, at: Place) -> tuple[list[Line], Place]:
    """The entries from a place on, and where the next one begins; on to a new file when the one it was in is full."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        number = os.fstat(file.fileno()).st_ino
        if at.file in (0, number):
            raw = _whole_entries(file, at.offset)
            return _parsed(raw), Place(number, at.offset + len(raw))
        raw = _whole_entries(file, 0)
        return _parsed(_rest(rotated(path, 1), at) + raw), Place(number, len(raw))
    return [], at


def _rest(full: Path, at: Place) -> bytes:
    """What was written to a file before it was full; nothing if that was not the last one."""
    with suppress(FileNotFoundError), full.open("rb") as file:
        if os.fstat(file.fileno()).st_ino == at.file:
            return _whole_entries(file, at.offset)
    return b""


def _whole_entries(file: IO[bytes], offset: int) -> bytes:
    file.seek(offset)
    raw = file.read()
    return raw[: raw.rfind(b"\n") + 1]


def _parsed(raw: bytes) -> list[Line]:
    return [line for entry in raw.splitlines(keepends=True) if (line := parse_line(entry))]


def _batched(chunks: Iterable[bytes]) -> Iterator[bytes]:
    batch, size = [], 0
    for chunk in chunks:
        batch.append(chunk)
        size += len(chunk)
        if size >= _CHUNK:
            yield b"".join(batch)
            batch, size = [], 0
    if batch:
        yield b"".join(batch)


def _start_of_tail(lines: list[Line], count: int) -> int:
    seen = 0
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].complete or index == len(lines) - 1:
            seen += 1
            if seen > count:
                return index + 1
    return 0 if count else len(lines)
