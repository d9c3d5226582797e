"""`recover`: works off the journals that dead runs left."""

import sys
from pathlib import Path

from chaos import journal
from chaos import recover as healing
from chaos.journal import Journal, Pending
from chaos.kube import KubeError, connect
from seawall import exits
from seawall.folders import JOURNAL


def recover(run: Path | None, out: Path) -> int:
    """Heal one run, or every run below `out` that was not healed."""
    paths = [run / JOURNAL] if run else sorted(out.glob(f"*/{JOURNAL}"))
    journals = [(path, _read(path)) for path in paths]
    left = [(path, pending) for path, pending in journals if pending and not pending.healed]
    if not left:
        sys.stdout.write("nothing to recover: every run undid what it did\n")
    return exits.worst(_heal(path, pending) for path, pending in left)


def _read(path: Path) -> Pending | None:
    """None for a journal whose first line is torn: the run was killed before it changed anything."""
    try:
        return journal.read(path)
    except ValueError:
        return None
    except FileNotFoundError:
        raise FileNotFoundError(2, "this folder holds no journal, so no run began here", str(path)) from None


def _heal(path: Path, pending: Pending) -> int:
    header = pending.header
    told = [f"{path.parent}: run {header.run} on {header.context}"]
    writing = Journal.reopen(path, header)
    try:
        kube = connect(header.context, header.kubeconfig)
        different = healing.heal(kube, writing, pending.undos, told=lambda what: told.append(f"  undone: {what}"))
    except KubeError as error:
        if header.ephemeral:
            writing.healed()
            return _say(told, "  healed: its own cluster is gone, and everything the run did with it", exits.MET)
        return _say(told, f"  not healed: {error}", exits.NO_CLUSTER)
    finally:
        writing.close()
    if different:
        return _say(told, "\n".join(f"  not as before: {difference}" for difference in different), exits.BROKE)
    return _say(told, "  healed: the cluster is as it was before the run", exits.MET)


def _say(lines: list[str], last: str, code: int) -> int:
    sys.stdout.write("\n".join([*lines, last]) + "\n")
    return code
