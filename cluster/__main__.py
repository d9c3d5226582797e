"""Process 1 of a cluster: `python -m cluster FOLDER DOORS`, as `cluster.boot` calls it. Not for people."""

import gc
import json
import os
import sys
import traceback
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from cluster import inside
from cluster.boot import Doors
from cluster.runtime.first import begin
from cluster.state import Files, read_plan


def main() -> None:
    folder, said = sys.argv[1:]
    doors = Doors(**json.loads(said))
    for fd in asdict(doors).values():
        os.set_inheritable(fd, False)
    # From here on the janitor waits for this process alone, and not for `unshare`, which may outlive it.
    os.open(Files(Path(folder)).alive, os.O_WRONLY | os.O_CLOEXEC)
    config = read_plan(Path(folder)).config
    try:
        inside.settle()
        firsts = {node.name: begin() for node in config.nodes}
        # Everything that is imported stays; looking for garbage in it is a tenth of the boot.
        gc.disable()
        # What takes long to import comes when all else is done.
        from cluster.main import serve  # noqa: PLC0415

        serve(config, doors, firsts)
    except BaseException:  # noqa: BLE001  # whatever it was, the launcher must hear of it and nothing may be left
        traceback.print_exc()
        _tell(doors.ready, traceback.format_exc())
    inside.leave(config)
    # Threads and tasks may still wait for what has just been killed; nobody waits for them.
    os._exit(0)


def _tell(ready: int, failure: str) -> None:
    """The log goes with the folder; whoever waits for us to be ready hears why we are not. Later nobody listens."""
    with suppress(OSError):
        os.write(ready, failure.encode())


if __name__ == "__main__":
    main()
