"""A spike in the arrivals, begun and ended from outside while the load runs.

Whoever wants one writes how many times as many users shall come into `FILE` and sends `SIGNAL` to the process.
"""

import signal
from pathlib import Path

FILE = Path("/tmp/seawall-times")  # noqa: S108 -- the load pod's own folder
SIGNAL = signal.SIGUSR1


def read_times(file: Path = FILE) -> float:
    """How many times as many users shall come; 1 for what cannot be read."""
    try:
        return max(float(file.read_text()), 0.01)
    except (OSError, ValueError):
        return 1.0
