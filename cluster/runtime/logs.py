"""Container output on its way into a log file of the CRI format.

Source: KEP "CRI: container log" and containerd: one line `<RFC 3339 nano> <stream> <F|P> <text>`; text longer than
16 KiB is split, every piece but the last marked P, as is a last line that has no newline.
"""

import asyncio
import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

LINE_BYTES_MAX = 16 * 1024
# The kubelet's containerLogMaxSize and containerLogMaxFiles.
FILE_BYTES_MAX = 10 * 1024 * 1024
FILES_MAX = 5
READ_BYTES = 64 * 1024

Stream = Literal["stdout", "stderr"]
Tag = Literal["F", "P"]


class LineSplitter:
    """Bytes as they come, lines as they are logged."""

    def __init__(self, limit: int = LINE_BYTES_MAX) -> None:
        self._limit = limit
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[Tag, bytes]]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            *pieces, last = self._pieces(line)
            yield from (("P", piece) for piece in pieces)
            yield "F", last
        *pieces, self._rest = self._pieces(self._rest)
        yield from (("P", piece) for piece in pieces)

    def close(self) -> Iterator[tuple[Tag, bytes]]:
        """What is left without a newline."""
        if self._rest:
            yield "P", self._rest
        self._rest = b""

    def _pieces(self, line: bytes) -> list[bytes]:
        starts = range(0, max(1, len(line)), self._limit)
        return [line[start : start + self._limit] for start in starts]


def stamp(nanoseconds: int) -> str:
    """RFC 3339 with nanoseconds, in UTC."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{fraction:09d}Z"


def render(nanoseconds: int, stream: Stream, lines: Iterator[tuple[Tag, bytes]]) -> bytes:
    head = f"{stamp(nanoseconds)} {stream} ".encode()
    return b"".join(b"%s%s %s\n" % (head, tag.encode(), line) for tag, line in lines)


def rotated(path: Path, age: int) -> Path:
    """Where the log is that was full `age` files ago, from 1."""
    return path.with_name(f"{path.name}.{age}")


def rotate(path: Path) -> None:
    """Make room for a new log; the oldest goes. Raises OSError."""
    for age in range(FILES_MAX - 1, 1, -1):
        with suppress(FileNotFoundError):
            rotated(path, age - 1).rename(rotated(path, age))
    path.rename(rotated(path, 1))


class LogPump:
    """Two pipes into one log file, without a thread or a process of its own. Needs a running loop."""

    def __init__(self, path: Path, now_ns: Callable[[], int] = time.time_ns) -> None:
        """Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._loop = asyncio.get_running_loop()
        self._now_ns = now_ns
        self._path = path
        self._file = _open(path)
        self._splitters: dict[int, tuple[Stream, LineSplitter]] = {}
        self.listeners: set[Callable[[Stream, bytes], None]] = set()
        """Told of everything that is logged, as it came."""

    def add(self, stream: Stream) -> int:
        """Open a pipe; returns the end to write to, for the caller to hand over and close."""
        read_end, write_end = os.pipe()
        self.adopt(read_end, stream)
        return write_end

    def adopt(self, fd: int, stream: Stream) -> None:
        """Log what comes out of this descriptor, ours from now on."""
        os.set_blocking(fd, False)
        self._splitters[fd] = stream, LineSplitter()
        self._loop.add_reader(fd, self._read, fd)

    def _read(self, fd: int) -> bool:
        """Log one read's worth; whether there may be more."""
        with suppress(BlockingIOError):
            if data := _take(fd):
                stream, splitter = self._splitters[fd]
                self._write(render(self._now_ns(), stream, splitter.feed(data)))
                for listener in tuple(self.listeners):
                    listener(stream, data)
                return True
            self._close(fd)
        return False

    def drain(self) -> None:
        """Log what the pipes hold now. A process that outlives the container may keep them open; it stays heard."""
        for fd in list(self._splitters):
            while self._read(fd):
                pass

    def close(self) -> None:
        self.drain()
        for fd in list(self._splitters):
            self._close(fd)
        os.close(self._file)

    def _close(self, fd: int) -> None:
        stream, splitter = self._splitters.pop(fd)
        self._loop.remove_reader(fd)
        os.close(fd)
        self._write(render(self._now_ns(), stream, splitter.close()))

    def _write(self, data: bytes) -> None:
        # A full disk must cost the pod its log, not the cluster its life.
        with suppress(OSError):
            os.write(self._file, data)
            if os.fstat(self._file).st_size >= FILE_BYTES_MAX:
                self._begin_another()

    def _begin_another(self) -> None:
        rotate(self._path)
        full, self._file = self._file, _open(self._path)
        os.close(full)


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def _take(fd: int) -> bytes:
    """A terminal whose last program has gone answers EIO where a pipe answers with its end."""
    try:
        return os.read(fd, READ_BYTES)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""
