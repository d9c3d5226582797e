"""The journal: what has to be undone, on disk before it is done.

A line is written and fsynced *before* the change it undoes, so that a run killed at any point leaves a list that
`recover` can work off. Undoing is idempotent and by identity (a label of the run, a uid): done twice, or for a change
that never came to be made, it does nothing. The first line holds a snapshot of what the run could disturb; after
undoing everything, the cluster is compared with it.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, Self

Action = Literal["delete-namespace", "delete-object", "delete-pod", "ask-pod", "run-in-pod", "merge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """One change to take back. `path` is an API path; the other keys depend on the action.

    delete-namespace, delete-object: only while it carries the run's label.
    delete-pod: only with that `uid`, and only while `container` has restarted no more than `restarts` times (what ended
    with the process needs no undoing).
    ask-pod: POST `endpoint` ("8080/path?query") to the pod with that `uid`; replace the pod if it does not take it.
    run-in-pod: run `endpoint` by the shell of a container of the pod with that `uid`; nothing if it does not run.
    merge: apply `patch` to the object, only while it has that `uid`.
    """

    action: Action
    path: str
    uid: str = ""
    container: str = ""
    restarts: int = 0
    endpoint: str = ""
    patch: dict[str, Any] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """First line: which cluster, which run, and what it looked like before."""

    run: str
    context: str
    kubeconfig: str
    server: str
    ephemeral: bool
    """A cluster that exists for this run alone: when it is gone, so is everything the run did."""
    snapshot: dict[str, Any]


class Journal:
    """Append-only; every line is on disk when the call returns."""

    def __init__(self, path: Path, header: Header, file: IO[str]) -> None:
        self.path = path
        self.header = header
        self._file = file
        self._next = 0

    @classmethod
    def create(cls, path: Path, header: Header) -> Self:
        """Begin a journal; raises FileExistsError rather than write over one."""
        journal = cls(path, header, path.open("x", encoding="utf-8"))
        journal._write({"header": asdict(header)})
        _sync_folder(path.parent)
        return journal

    @classmethod
    def reopen(cls, path: Path, header: Header) -> Self:
        """Go on writing to a journal that a dead run left."""
        file = path.open("a", encoding="utf-8")
        file.write("\n")  # closes a torn last line, so that the next one is whole
        return cls(path, header, file)

    def will(self, undo: Undo) -> int:
        """Write down how to undo a change that is about to be made. Returns its number."""
        number, self._next = self._next, self._next + 1
        self._write({"will": number, **asdict(undo)})
        return number

    def undone(self, number: int) -> None:
        self._write({"undone": number})

    def healed(self) -> None:
        """Everything is undone and the cluster was compared with the snapshot."""
        self._write({"healed": True})

    def close(self) -> None:
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What a journal on disk says is left to do, newest first."""

    header: Header
    undos: tuple[tuple[int, Undo], ...]
    healed: bool


def read(path: Path) -> Pending:
    """Reads a journal, also one whose last line was torn by a kill (that change was never made)."""
    header, undos, done, healed = None, {}, set(), False
    for line in _whole_lines(path):
        if "header" in line:
            header = Header(**line["header"])
        elif "will" in line:
            number = line.pop("will")
            undos[number] = Undo(**line)
        elif "undone" in line:
            done.add(line["undone"])
        healed = healed or "healed" in line
    if header is None:
        raise ValueError(f"{path} is not a journal: its first line is missing or torn; nothing had been changed yet")
    left = [(n, u) for n, u in undos.items() if n not in done]
    return Pending(header=header, undos=tuple(reversed(left)), healed=healed)


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError):
            yield json.loads(text)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
