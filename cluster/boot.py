"""Starting, finding and ending embedded clusters, seen from the machine. Imports little: every command pays for it.

    launcher ── unshare ── python -m cluster      process 1 of namespaces of its own; everything else is its child
        └────── sh (the janitor)                  waits for the end of that one, and cleans

A cluster lives as long as somebody holds its lifeline (see `state`): its owner for a run, itself when kept. The API's
socket is bound here, in the machine's own network namespace, and stays there wherever it is inherited to.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

from cluster.config import DEFAULT_NODES, ClusterConfig, NodeConfig
from cluster.janitor import CLEAN_SECONDS_MAX, clean, hire
from cluster.preflight import Problem, preflight
from cluster.state import STATE_ROOT, Files, Found, IdRefused, claim, find, sweep

__all__ = [
    "BootFailed",
    "ClusterConfig",
    "Found",
    "Handle",
    "IdRefused",
    "Problem",
    "down",
    "find",
    "plan",
    "preflight",
    "start",
    "sweep",
]

READY_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 5.0
LOG_TAIL_LINES = 20
READY = b"ready"

NAMESPACES = ("--mount", "--net", "--pid", "--ipc", "--uts")


class BootFailed(Exception):
    """The cluster did not come up; the message says why, and nothing of it is left."""


@dataclass(slots=True)
class Handle:
    """A cluster that this process started."""

    config: ClusterConfig
    kubeconfig: Path
    _process: "subprocess.Popen[bytes]" = field(repr=False)
    _janitor: "subprocess.Popen[bytes]" = field(repr=False)
    _lifeline: int = field(repr=False)

    @property
    def id(self) -> str:
        return self.config.id

    def stop(self) -> None:
        """End the cluster and wait until nothing of it is left: a second or less, in any case bounded."""
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_SECONDS_MAX)
        self._janitor.wait(CLEAN_SECONDS_MAX)
        # For the case that the janitor was killed first.
        clean(self.config)

    def __enter__(self) -> "Handle":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def plan(id: str = "", nodes: tuple[NodeConfig, ...] = DEFAULT_NODES, root: Path = STATE_ROOT) -> ClusterConfig:
    """A cluster to `start`; without an id it gets one that nobody has."""
    id = id or uuid4().hex[:8]
    return ClusterConfig(id=id, state_dir=root / id, nodes=nodes)


def start(config: ClusterConfig, *, keep: bool = False) -> Handle:
    """Start a cluster and wait until its API answers and its nodes are Ready.

    It ends with `stop`, with this process however that ends, or, if kept, with `down`.
    Raises BootFailed, IdRefused.
    """
    if problems := preflight():
        raise BootFailed("\n".join(str(problem) for problem in problems))
    sweep(config.state_dir.parent)
    lock = claim(config, kept=keep)
    try:
        handle, ready, alive = _launch(config, lock, keep=keep)
    except OSError as error:
        clean(config)
        raise BootFailed(f"the cluster's processes cannot be started: {error}") from error
    finally:
        os.close(lock)
    with _closing(ready), _closing(alive):
        said = _read(ready, READY_SECONDS_MAX)
    if said != READY:
        _give_up(handle, said.decode(errors="replace"))
    return handle


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """The open descriptors that a cluster process is born with."""

    api: int
    """A listening socket on the machine's loopback."""
    ready: int
    """A pipe to say `READY` on."""
    lifeline: int
    """Readable when it is time to end."""
    lock: int
    """Only to be held open: as long as it is, the cluster counts as alive."""


def _launch(config: ClusterConfig, lock: int, *, keep: bool) -> tuple[Handle, int, int]:
    """Returns the handle, the pipe on which the cluster tells that it is ready, and what to hold until it does."""
    files = Files(config.state_dir)
    ready, ready_inside = os.pipe()
    lifeline, lifeline_inside = _lifeline(files, keep=keep)
    alive, alive_inside = _fifo(files.alive)
    os.set_blocking(alive_inside, True)
    with socket.create_server(("127.0.0.1", 0)) as api:
        doors = Doors(api=api.fileno(), ready=ready_inside, lifeline=lifeline_inside, lock=lock)
        janitor = hire(config, alive_inside)
        try:
            process = _spawn(config, doors)
        finally:
            for fd in (ready_inside, lifeline_inside, alive_inside):
                os.close(fd)
    files.pid.write_text(str(process.pid))
    return Handle(config, files.kubeconfig, process, janitor, lifeline), ready, alive


def _fifo(path: Path) -> tuple[int, int]:
    """(the end to write to, the end to read from, which does not wait)."""
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    return os.open(path, os.O_WRONLY), reader


def _lifeline(files: Files, *, keep: bool) -> tuple[int, int]:
    """(the end to hold here, the cluster's end). A kept cluster's end is both ends: nobody else's death closes it."""
    if keep:
        return -1, os.open(files.lifeline, os.O_RDWR | os.O_NONBLOCK)
    return _fifo(files.lifeline)


def _spawn(config: ClusterConfig, doors: Doors) -> "subprocess.Popen[bytes]":
    """In a session of its own: Ctrl-C is for the owner, who may need the cluster to undo what he did to it."""
    inner = [sys.executable, "-P", "-m", "cluster", str(config.state_dir), json.dumps(asdict(doors))]
    with Files(config.state_dir).log.open("ab") as log:
        return subprocess.Popen(
            ["unshare", *NAMESPACES, "--fork", "--kill-child", "--mount-proc", "--propagation", "private", *inner],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            pass_fds=list(asdict(doors).values()),
            start_new_session=True,
        )


def _give_up(handle: Handle, said: str) -> NoReturn:
    """Raises BootFailed, after cleaning up."""
    why = said or _why_not(handle)
    handle.stop()
    raise BootFailed(f"the embedded cluster did not come up: {why}")


def _read(fd: int, seconds: float) -> bytes:
    """What is said until it is ready, falls silent for ever or the time is up."""
    deadline, said = time.monotonic() + seconds, b""
    while said != READY and select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
        data = os.read(fd, 65536)
        if not data:
            break
        said += data
    return said


def _why_not(handle: Handle) -> str:
    with suppress(OSError):
        lines = Files(handle.config.state_dir).log.read_text(errors="replace").splitlines()
        if lines:
            return "its log ends with\n" + "\n".join(lines[-LOG_TAIL_LINES:])
    return f"it ended or said nothing for {READY_SECONDS_MAX:g} s, and its log is empty"


def down(found: Found) -> None:
    """End a cluster found with `find`, and wait until nothing of it is left. Raises OSError."""
    files = found.files
    outermost = int(files.pid.read_text())
    with suppress(OSError), _closing(os.open(files.lifeline, os.O_WRONLY | os.O_NONBLOCK)) as lifeline:
        os.write(lifeline, b"end")
    if not _gone(found, STOP_SECONDS_MAX):
        # It holds its lock, so the process id is still its own.
        os.kill(outermost, signal.SIGKILL)
        _gone(found, STOP_SECONDS_MAX)
    sweep(found.config.state_dir.parent)


def _gone(found: Found, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(other.config.id == found.config.id for other in find(found.config.state_dir.parent)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def _closing(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)
