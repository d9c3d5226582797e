"""Who cleans up after a cluster, however it died: janitor.sh, and how it is started."""

import os
import subprocess
from pathlib import Path

from cluster.config import ClusterConfig

SCRIPT = Path(__file__).with_name("janitor.sh")
CLEAN_SECONDS_MAX = 20.0


def hire(config: ClusterConfig, wait_on: int) -> "subprocess.Popen[bytes]":
    """Start one that cleans when the pipe `wait_on` is closed at its other end. Raises OSError.

    It is told by its environment what to clean, and reads its script from an open file: nothing on its command line
    may match a `pkill -f` that is meant for the cluster.
    """
    with SCRIPT.open("rb") as script:
        return subprocess.Popen(
            ["sh", f"/dev/fd/{script.fileno()}"],
            env={"PATH": os.defpath, "GROUP": config.cgroup, "FOLDER": str(config.state_dir)},
            stdin=wait_on,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[script.fileno()],
            start_new_session=True,
        )


def clean(config: ClusterConfig) -> None:
    """Do the janitor's work now, for a cluster that is dead. Raises OSError, subprocess.TimeoutExpired."""
    null = os.open(os.devnull, os.O_RDONLY)
    try:
        hire(config, null).wait(CLEAN_SECONDS_MAX)
    finally:
        os.close(null)
