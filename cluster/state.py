"""The folder of a cluster, /var/lib/seawall/<id>, and what can be told from outside by looking at it.

lock         held (flock) as long as the cluster lives: no process id to go stale
lifeline     a FIFO; the cluster ends when its last writer goes or anything is written
alive        a FIFO; the janitor cleans when its last writer goes, and that is the cluster's process 1
cluster.json the cluster's plan           pid  of its outermost process
kubeconfig   there when the cluster is up; readable by its owner alone
cluster.log  the cluster's own log        layers/ pods/ …  its containers' files; images/ those loaded
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster.config import ClusterConfig, NodeConfig
from cluster.janitor import clean

STATE_ROOT = Path("/var/lib/seawall")
ID_PATTERN = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


class IdRefused(Exception):
    """The id cannot name a new cluster; the message says why."""


@dataclass(frozen=True, slots=True)
class Files:
    """The names of the files in one folder."""

    folder: Path

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def lifeline(self) -> Path:
        return self.folder / "lifeline"

    @property
    def alive(self) -> Path:
        return self.folder / "alive"

    @property
    def plan(self) -> Path:
        return self.folder / "cluster.json"

    @property
    def pid(self) -> Path:
        return self.folder / "pid"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def log(self) -> Path:
        return self.folder / "cluster.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A living cluster on this machine."""

    config: ClusterConfig
    kept: bool
    """Lives until `down`, not until its owner ends."""

    @property
    def files(self) -> Files:
        return Files(self.config.state_dir)

    @property
    def up(self) -> bool:
        return self.files.kubeconfig.exists()


def claim(config: ClusterConfig, *, kept: bool) -> int:
    """Make the folder; returns the lock that says its cluster lives. Raises IdRefused, OSError."""
    if not ID_PATTERN.fullmatch(config.id):
        raise IdRefused(f'"{config.id}" cannot name a cluster: use up to 32 of a-z, 0-9 and -, not - at an end')
    files = Files(config.state_dir)
    with _nobody_else(config.state_dir.parent):
        try:
            config.state_dir.mkdir(mode=0o700)
        except FileExistsError:
            raise IdRefused(f'a cluster "{config.id}" exists; end it with: seawall cluster down {config.id}') from None
        lock = _lock(files.lock)
        files.plan.write_text(json.dumps({"config": asdict(config), "kept": kept}, default=str))
        for fifo in (files.lifeline, files.alive):
            os.mkfifo(fifo, 0o600)
    return lock


def read_plan(folder: Path) -> Found:
    """Raises OSError, ValueError."""
    plan = json.loads(Files(folder).plan.read_text())
    nodes = tuple(NodeConfig(**node) for node in plan["config"]["nodes"])
    return Found(config=ClusterConfig(**{**plan["config"], "state_dir": folder, "nodes": nodes}), kept=plan["kept"])


def find(root: Path = STATE_ROOT) -> list[Found]:
    """The living clusters, by id."""
    return [found for folder in _folders(root) if not _dead(folder) for found in _readable(folder)]


def sweep(root: Path = STATE_ROOT) -> list[str]:
    """Remove what dead clusters left, should their janitor have died too; returns their ids. Raises OSError."""
    with _nobody_else(root):
        dead = [folder for folder in _folders(root) if _dead(folder)]
        for folder in dead:
            clean(ClusterConfig(id=folder.name, state_dir=folder))
    return [folder.name for folder in dead]


def _folders(root: Path) -> list[Path]:
    return sorted(folder for folder in root.glob("*") if folder.is_dir())


def _readable(folder: Path) -> Iterator[Found]:
    """Nothing, if it vanishes as we look."""
    with suppress(OSError, ValueError):
        yield read_plan(folder)


def _dead(folder: Path) -> bool:
    """Two who look at once share the lock; neither mistakes the other for the cluster."""
    try:
        fd = os.open(Files(folder).lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def _lock(path: Path) -> int:
    """A new cluster's. It may wait for somebody who looks, never for another owner."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


@contextmanager
def _nobody_else(root: Path) -> Iterator[None]:
    """One command at a time makes or removes folders; the others wait, which is for milliseconds."""
    root.mkdir(parents=True, exist_ok=True)
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
