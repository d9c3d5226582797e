"""The newsletter: the neighbour that did nothing. It keeps its whole mailing list in memory (LIST_MIB)."""

from __future__ import annotations

import os
import threading
from itertools import count

from server import run
from service import Refusal, Reply, Request, Service, as_json
from telemetry import log

MIB = 1024 * 1024
BLOCKS: list[bytes] = []
SENT = count(1)


def block(index: int) -> bytes:
    """As good as one MiB of addresses."""
    line = b"reader-%05d@example.test\n" % index
    return line * (MIB // len(line))


def load(list_mib: int) -> None:
    """Read the list into memory. Readiness waits for it; the process answers meanwhile."""
    BLOCKS.extend(block(index) for index in range(list_mib))
    log("info", "list loaded", mib=list_mib)


def send(_: Request) -> Reply:
    """Mail one block of the list, in turn."""
    if not BLOCKS:
        raise Refusal(503, "the list is still being read")
    number = next(SENT)
    return as_json({"edition": number, "recipients": BLOCKS[number % len(BLOCKS)].count(b"\n")})


if __name__ == "__main__":
    wanted_mib = int(os.environ.get("LIST_MIB", "16"))
    threading.Thread(target=load, args=(wanted_mib,), daemon=True).start()
    run(Service("newsletter", {"POST /send": send}, ready=lambda: len(BLOCKS) == wanted_mib))
