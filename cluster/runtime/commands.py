"""Calling runc: every call is bounded, and a failure carries what runc itself said."""

import asyncio
import json
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cluster.runtime.first import First
from cluster.runtime.processes import spawn
from cluster.runtime.programs import find_program
from cluster.runtime.spec import StartFailed

RUNC_SECONDS_MAX = 30.0
# One processor is enough for what runc does, and Go's runtime starts faster when it does not prepare for more.
ENVIRONMENT = {"PATH": os.defpath, "GOMAXPROCS": "1"}


@dataclass(frozen=True, slots=True)
class Stdio:
    """Three open descriptors for a program; the caller keeps and closes them."""

    stdin: int
    stdout: int
    stderr: int


async def runc(node: First, root: Path, log: Path, arguments: list[str], stdio: Stdio) -> None:
    """Run on a node, to its end. Raises StartFailed with runc's own message."""
    # It looks at its node's processes, and so has to see the /proc that shows them.
    argv = ["unshare", "--mount-proc", find_program("runc"), "--root", str(root)]
    argv += ["--log", str(log), "--log-format", "json", *arguments]
    with node.inside():
        process = spawn(argv, stdio.stdin, stdio.stdout, stdio.stderr, ENVIRONMENT)
    try:
        code = await asyncio.wait_for(process.ended(), RUNC_SECONDS_MAX)
    except TimeoutError:
        process.signal(signal.SIGKILL)
        await process.ended()
        raise StartFailed(f"runc {arguments[0]} did not answer within {RUNC_SECONDS_MAX:g} s") from None
    if code:
        raise StartFailed(last_error(log) or f"runc {arguments[0]} ended with {code} and said nothing")


def last_error(log: Path) -> str:
    """The last error line of runc's log, without runc's own name in front."""
    with suppress(OSError, ValueError):
        entries = [json.loads(line) for line in log.read_text().splitlines()]
        messages = [str(entry["msg"]) for entry in entries if entry.get("level") in {"error", "fatal"}]
        return messages[-1].removeprefix("runc run failed: ").removeprefix("runc exec failed: ") if messages else ""
    return ""
