"""Commands run inside a running container: for probes and hooks with their output collected, for people as streams."""

import asyncio
import fcntl
import os
import signal
import socket
import struct
import termios
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from cluster.runtime.commands import Stdio
from cluster.runtime.processes import Process
from cluster.runtime.spec import ExecResult

OUTPUT_BYTES_MAX = 16 * 1024
READ_BYTES = 32 * 1024
CONSOLE_SECONDS_MAX = 10.0
# How long a background process of the command may keep its streams open after the command itself has ended.
LINGER_SECONDS = 0.5

Launch = Callable[[list[str], Stdio], Coroutine[Any, Any, Process]]
"""Start the command with extra options for `runc exec` and these descriptors. Raises StartFailed."""


def shell_code(code: int) -> int:
    """From minus the signal to 128 plus the signal."""
    return 128 - code if code < 0 else code


async def collect(launch: Launch, timeout_seconds: float) -> ExecResult:
    """Run to the end, standard output and error in one pipe so that their order is kept. Raises StartFailed."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    output = _Output(read_end)
    try:
        return await _collect(launch, output, write_end, timeout_seconds)
    finally:
        output.close()


async def _launched(launching: Coroutine[Any, Any, Process]) -> Process:
    """A launch that is cancelled is still waited for: nobody would end, or even bury, what it started."""
    task = asyncio.create_task(launching)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if task.exception() is None:
            task.result().signal(signal.SIGKILL)
        raise


async def _collect(launch: Launch, output: "_Output", write_end: int, timeout_seconds: float) -> ExecResult:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_seconds
    null = os.open(os.devnull, os.O_RDONLY)
    try:
        process = await _launched(launch([], Stdio(null, write_end, write_end)))
    finally:
        os.close(null)
        os.close(write_end)
    timed_out = False
    try:
        await asyncio.wait_for(process.ended(), max(0.0, deadline - loop.time()))
    except TimeoutError:
        timed_out = True
    finally:
        process.signal(signal.SIGKILL)
    code = await process.ended()
    output.drain()
    return ExecResult(code=shell_code(code), output=bytes(output.data), timed_out=timed_out)


class _Output:
    """What comes out of a pipe, up to a limit; the rest is read and dropped, so that nobody waits for us."""

    def __init__(self, fd: int) -> None:
        self.data = bytearray()
        self._fd = fd
        self._open = True
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(fd, self._read)

    def _read(self) -> bool:
        """Whether there may be more."""
        with suppress(BlockingIOError):
            if data := os.read(self._fd, READ_BYTES):
                self.data += data[: OUTPUT_BYTES_MAX - len(self.data)]
                return True
            self.close()
        return False

    def drain(self) -> None:
        while self._open and self._read():
            pass

    def close(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._fd)
            os.close(self._fd)


class Stream:
    """An `ExecStream`: a command with its standard streams open to somebody else."""

    def __init__(
        self, process: Process, writer: asyncio.StreamWriter, readers: dict[int, asyncio.StreamReader]
    ) -> None:
        """`readers` by channel: 1 is standard output (or the terminal), 2 standard error."""
        self._process = process
        self._writer = writer
        self._queue: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(maxsize=16)
        self._pumps = [asyncio.create_task(self._pump(channel, reader)) for channel, reader in readers.items()]
        self._end = asyncio.create_task(self._finish())

    async def _pump(self, channel: int, reader: asyncio.StreamReader) -> None:
        # A terminal whose last program has gone answers EIO where a pipe answers with its end.
        with suppress(OSError):
            while data := await reader.read(READ_BYTES):
                await self._queue.put((channel, data))

    async def _finish(self) -> None:
        await self._process.ended()
        await asyncio.wait(self._pumps, timeout=LINGER_SECONDS)
        for pump in self._pumps:
            pump.cancel()
        self._writer.close()
        await self._queue.put(None)

    async def write_stdin(self, data: bytes) -> None:
        """Empty bytes close it. What a command no longer reads is dropped."""
        with suppress(ConnectionError, OSError):
            if data:
                self._writer.write(data)
                await self._writer.drain()
            else:
                self._writer.close()

    async def read(self) -> tuple[int, bytes] | None:
        return await self._queue.get()

    async def resize(self, columns: int, rows: int) -> None:
        """Nothing to resize without a terminal."""

    async def exit_code(self) -> int:
        return shell_code(await self._process.ended())

    async def kill(self) -> None:
        self._process.signal(signal.SIGKILL)


class Terminal(Stream):
    """The same on a pseudo-terminal, whose one stream is both output and error."""

    def __init__(
        self, process: Process, master: int, writer: asyncio.StreamWriter, reader: asyncio.StreamReader
    ) -> None:
        super().__init__(process, writer, {1: reader})
        self._master = master

    async def write_stdin(self, data: bytes) -> None:
        """A terminal has no end of its own: closing standard input types Control-D."""
        await super().write_stdin(data or b"\x04")

    async def resize(self, columns: int, rows: int) -> None:
        with suppress(OSError):
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


async def open_pipes(launch: Launch) -> Stream:
    """Raises StartFailed."""
    stdin, stdout, stderr = os.pipe(), os.pipe(), os.pipe()
    try:
        process = await _launched(launch([], Stdio(stdin[0], stdout[1], stderr[1])))
    except BaseException:
        _close(stdin[1], stdout[0], stderr[0])
        raise
    finally:
        _close(stdin[0], stdout[1], stderr[1])
    return Stream(process, await open_writer(stdin[1]), {1: await _reader(stdout[0]), 2: await _reader(stderr[0])})


async def open_terminal(launch: Launch, console: Path) -> Stream:
    """Raises StartFailed."""
    process, master = await on_terminal(launch, console)
    reader, writer = await _reader(os.dup(master)), await open_writer(master)
    return Terminal(process, master, writer, reader)


async def on_terminal(launch: Launch, console: Path) -> tuple[Process, int]:
    """Start on a new terminal; returns our end of it.

    `console` is a free path for the socket over which runc hands us the terminal. Raises StartFailed.
    """
    null = os.open(os.devnull, os.O_RDWR)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(console))
        listener.listen(1)
        listener.settimeout(CONSOLE_SECONDS_MAX)
        handed_over = asyncio.get_running_loop().run_in_executor(None, _receive_terminal, listener)
        try:
            process = await _launched(launch(["--console-socket", str(console)], Stdio(null, null, null)))
            master = await handed_over
        except BaseException:
            listener.shutdown(socket.SHUT_RDWR)
            raise
        finally:
            os.close(null)
            console.unlink()
    return process, master


def _receive_terminal(listener: socket.socket) -> int:
    connection, _ = listener.accept()
    with connection:
        _, descriptors, _, _ = socket.recv_fds(connection, 4096, 1)
    return descriptors[0]


async def _reader(fd: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", 0)
    )
    return reader


async def open_writer(fd: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())
    transport, _ = await loop.connect_write_pipe(lambda: protocol, os.fdopen(fd, "wb", 0))
    return asyncio.StreamWriter(transport, protocol, None, loop)


def _close(*descriptors: int) -> None:
    for fd in descriptors:
        os.close(fd)
