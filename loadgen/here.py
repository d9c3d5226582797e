"""The same load, run beside the command against a URL (`from: here`)."""

import os
import subprocess
import sys
from pathlib import Path

import loadgen.inside
from loadgen.load import Load, arguments, settings

INSIDE = str(Path(loadgen.inside.__file__).parent)


def command(load: Load, locustfile: Path) -> list[str]:
    """Locust by the Python that runs us; several workers are its own forks."""
    fork = ("--processes", str(load.workers)) if load.workers > 1 else ()
    return [sys.executable, "-m", "locust", *arguments(load, inside=INSIDE, locustfile=str(locustfile)), *fork]


def start(load: Load, locustfile: Path) -> "subprocess.Popen[str]":
    """Start it in a process group of its own. Samples are among the lines of its `stdout` (see `lines.read`).

    SIGTERM ends it and makes it print what it has.
    """
    return subprocess.Popen(
        command(load, locustfile),
        env={**os.environ, **settings(load, str(locustfile)).to_env()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        process_group=0,
    )
