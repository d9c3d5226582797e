"""Where a run takes place: a context the user names, the embedded cluster that is kept up, or one just for this run."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

from cluster import boot
from cluster.config import ClusterConfig

KEPT_ID = "local"


class NoUsableCluster(Exception):
    """There is no cluster to run on. The message says what is missing and what to use instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How to reach a cluster."""

    kubeconfig: str = ""
    """Path; empty is the user's own."""
    context: str = ""
    """Empty is the current one."""
    ephemeral: bool = False
    """It ends with this run, and with it everything that was done to it."""
    dead: Callable[[], bool] = lambda: False


@contextmanager
def place_for(context: str, *, told: Callable[[str], None]) -> Iterator[Place]:
    """The place of a run, for as long as the block runs. Raises `NoUsableCluster`."""
    if context:
        yield Place(context=context)
        return
    kept = kept_cluster()
    if kept is not None:
        told(f"using the embedded cluster that is up ({kept.files.kubeconfig})")
        yield Place(kubeconfig=str(kept.files.kubeconfig), dead=lambda: kept_cluster() is None)
        return
    with start(boot.plan(), told=told) as handle:
        told(f"to look into it while it lasts: kubectl --kubeconfig {handle.kubeconfig} get pods -A -w")
        yield Place(kubeconfig=str(handle.kubeconfig), ephemeral=True, dead=lambda: not _lives(handle.id))


def start(config: ClusterConfig, *, keep: bool = False, told: Callable[[str], None] = lambda _: None) -> boot.Handle:
    """Raises `NoUsableCluster` when the machine cannot carry a cluster, or it did not come up."""
    if problems := boot.preflight():
        raise NoUsableCluster("no embedded cluster here:\n" + "\n".join(f"  {problem}" for problem in problems))
    told("starting the embedded cluster")
    # The client is slow to import, and who waits for a cluster will talk to it next.
    threading.Thread(target=import_module, args=("kubernetes.config",), daemon=True).start()
    try:
        return boot.start(config, keep=keep)
    except (boot.BootFailed, boot.IdRefused) as error:
        raise NoUsableCluster(str(error)) from error


def kept_cluster() -> "boot.Found | None":
    """The embedded cluster that `seawall cluster up` started, if it lives."""
    return next((found for found in boot.find() if found.kept and found.up), None)


def _lives(id: str) -> bool:
    return any(found.config.id == id for found in boot.find())
