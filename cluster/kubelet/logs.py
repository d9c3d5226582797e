"""Container logs in the CRI format, `<RFC 3339 nano> stdout|stderr F|P <text>`, as `kubectl logs` shows them."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import closing, suppress
from os.path import samestat
from pathlib import Path
from typing import IO, NamedTuple

from cluster.nodeservice import LogOptions
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
    with closing(_Tail(path)) as tail:
        chosen = select(await asyncio.to_thread(tail.more), options, now)
        left = options.limit_bytes
        for chunk in _batched(limited(show(chosen, timestamps=options.timestamps), left)):
            left = None if left is None else left - len(chunk)
            yield chunk
        while options.follow and (left is None or left > 0):
            still = alive()
            added = await asyncio.to_thread(tail.more)
            for chunk in _batched(limited(show(added, timestamps=options.timestamps), left)):
                left = None if left is None else left - len(chunk)
                yield chunk
            if not still:
                return
            await asyncio.sleep(_POLL_SECONDS)


class _Tail:
    """A log as it grows. Its file is held open: what a container said last is read though its pod be gone by then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def more(self) -> list[Line]:
        """The entries added since; on into a new file when the one they were in is full."""
        # Looked for before the old one is read to its end: what is full by then gets no more.
        new = self._new_file()
        raw = _whole_entries(self._file) if self._file else b""
        if new:
            self.close()
            self._file = new
            raw += _whole_entries(new)
        return _parsed(raw)

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _new_file(self) -> IO[bytes] | None:
        with suppress(FileNotFoundError):
            if self._file is None or not samestat(os.fstat(self._file.fileno()), self._path.stat()):
                return self._path.open("rb")
        return None


def _whole_entries(file: IO[bytes]) -> bytes:
    """From where it stands on; what is still being written is left for the next time."""
    begin = file.tell()
    raw = file.read()
    whole = raw[: raw.rfind(b"\n") + 1]
    file.seek(begin + len(whole))
    return whole


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
