"""Whom an image knows: its own /etc/passwd and /etc/group, which anybody may have written."""

from collections.abc import Iterator
from pathlib import Path

from cluster.runtime.layers import resolve
from cluster.runtime.spec import Account

_BYTES_MAX = 1024 * 1024
_ID_MAX = 2**31 - 1


def accounts(root: Path) -> tuple[Account, ...]:
    """Users with their primary and further groups; lines that make no sense are left out. Raises BadArchive."""
    members = [(set(line[3].split(",")), int(line[2])) for line in _lines(root, "group", 4) if _is_id(line[2])]
    return tuple(
        Account(line[0], int(line[2]), int(line[3]), tuple(gid for names, gid in members if line[0] in names))
        for line in _lines(root, "passwd", 7)
        if _is_id(line[2]) and _is_id(line[3])
    )


def groups(root: Path) -> tuple[tuple[str, int], ...]:
    """Raises BadArchive."""
    return tuple((line[0], int(line[2])) for line in _lines(root, "group", 4) if _is_id(line[2]))


def _lines(root: Path, name: str, fields: int) -> Iterator[list[str]]:
    path = resolve(root, ["etc", name])
    if not path.is_file():
        return
    with path.open("rb") as file:
        text = file.read(_BYTES_MAX).decode(errors="replace")
    yield from (parts for line in text.splitlines() if len(parts := line.split(":")) == fields)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= _ID_MAX
