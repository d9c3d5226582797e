"""The termination message of a container (terminationMessagePath and -Policy)."""

from pathlib import Path

from cluster.client import Obj
from cluster.kubelet.logs import parse_line

_FILE_BYTES = 4096
_LOG_BYTES = 2048
_LOG_LINES = 80


def last_words(container: Obj, file: Path, log: Path, exit_code: int) -> str:
    """What it wrote to its termination log, else, where the policy says so and it failed, the end of its log."""
    text = _tail(file, _FILE_BYTES).decode(errors="replace")
    if text or exit_code == 0 or container.get("terminationMessagePolicy") != "FallbackToLogsOnError":
        return text
    lines = [
        parsed.text for line in _tail(log, 4 * _LOG_BYTES).splitlines(keepends=True) if (parsed := parse_line(line))
    ]
    return b"".join(lines[-_LOG_LINES:])[-_LOG_BYTES:].decode(errors="replace")


def _tail(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            return file.read(size)
    except OSError:
        return b""
