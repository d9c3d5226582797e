"""What kubectl attach holds: a running container's own streams, beside its log."""

import asyncio
import fcntl
import struct
import termios
from contextlib import suppress
from dataclasses import dataclass

from cluster.runtime.logs import LogPump, Stream
from cluster.runtime.spec import Exit

# A reader that is this many pieces behind is let go; the log has it all.
BEHIND_MAX = 256
_CHANNELS: dict[Stream, int] = {"stdout": 1, "stderr": 2}


@dataclass(frozen=True, slots=True)
class Input:
    """The outer end of a container's standard input, or of its terminal."""

    writer: asyncio.StreamWriter
    terminal: int = -1
    """The descriptor of its terminal; -1 where it has none."""
    open: bool = True
    """Whether the container asked for standard input at all."""
    once: bool = False
    """Whether it ends with the first who attached."""

    def close(self) -> None:
        self.writer.close()


class Attachment:
    """An `ExecStream` on a container that runs anyway: it goes on when this ends."""

    def __init__(self, logs: LogPump, exit: "asyncio.Future[Exit]", stdin: Input | None) -> None:
        self._logs, self._exit, self._stdin = logs, exit, stdin
        self._queue: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(BEHIND_MAX)
        logs.listeners.add(self._hear)
        exit.add_done_callback(self._over)

    def _hear(self, stream: Stream, data: bytes) -> None:
        try:
            self._queue.put_nowait((_CHANNELS[stream], data))
        except asyncio.QueueFull:
            self._over()

    def _over(self, _exit: object = None) -> None:
        self._logs.listeners.discard(self._hear)
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def write_stdin(self, data: bytes) -> None:
        """Empty bytes close it if it is for one only."""
        if self._stdin is None or not self._stdin.open:
            return
        with suppress(ConnectionError, OSError):
            if data:
                self._stdin.writer.write(data)
                await self._stdin.writer.drain()
            elif self._stdin.once:
                self._end_input(self._stdin)

    def _end_input(self, stdin: Input) -> None:
        if stdin.terminal >= 0:
            # A terminal has no end of its own: closing standard input types Control-D.
            stdin.writer.write(b"\x04")
        else:
            stdin.close()

    async def read(self) -> tuple[int, bytes] | None:
        return await self._queue.get()

    async def resize(self, columns: int, rows: int) -> None:
        if self._stdin is not None and self._stdin.terminal >= 0:
            with suppress(OSError):
                size = struct.pack("HHHH", rows, columns, 0, 0)
                fcntl.ioctl(self._stdin.terminal, termios.TIOCSWINSZ, size)

    async def exit_code(self) -> int:
        return (await asyncio.shield(self._exit)).code

    async def kill(self) -> None:
        """Let go of it."""
        self._exit.remove_done_callback(self._over)
        self._logs.listeners.discard(self._hear)
        if self._stdin is not None and self._stdin.once and self._stdin.terminal < 0:
            self._stdin.close()
