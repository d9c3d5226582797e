"""The store: numbered orders in an append-only log. An order is acknowledged only when it is on disk."""

from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path

from server import run
from service import Refusal, Reply, Request, Service, as_json
from telemetry import log


class Orders:
    """The log and, in memory, its lines: order N is line N, from 1."""

    def __init__(self, path: Path) -> None:
        self._write = threading.Lock()
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
        self.lines = self._recover(path)
        _sync_folder(path.parent)
        log("info", "log opened", path=str(path), orders=len(self.lines))

    def _recover(self, path: Path) -> list[bytes]:
        """Whole lines only: the end of a log whose writer was killed was never acknowledged, so it is cut off."""
        whole, _, torn = path.read_bytes().rpartition(b"\n")
        self._size = len(whole) + 1 if whole else 0
        if torn:
            log("warning", "torn end cut off", bytes=len(torn))
            os.ftruncate(self._fd, self._size)
        return whole.split(b"\n") if whole else []

    def append(self, order: object) -> int:
        """The order's number, once it is on disk. Raises Refusal when the disk refuses; then the log is as before."""
        line = json.dumps(order).encode()
        with self._write:
            try:
                _write_whole(self._fd, line + b"\n")
            except OSError as error:
                os.ftruncate(self._fd, self._size)
                raise Refusal(507, f"the order could not be written: {error.strerror}") from error
            self._size += len(line) + 1
            self.lines.append(line)
            return len(self.lines)


def _write_whole(fd: int, data: bytes) -> None:
    if os.write(fd, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(fd)


def _sync_folder(folder: Path) -> None:
    # A new file survives a crash only when the folder that names it is on disk too.
    fd = os.open(folder, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def service(orders: Orders) -> Service:
    def count(_: Request) -> Reply:
        return as_json({"count": len(orders.lines)})

    def create(request: Request) -> Reply:
        try:
            order = json.loads(request.body)
        except ValueError:
            raise Refusal(400, "an order is JSON") from None
        return as_json({"number": orders.append(order)}, 201)

    def read(request: Request) -> Reply:
        number = int(request.item) if request.item.isdigit() else 0
        if not 0 < number <= len(orders.lines):
            raise Refusal(404, f"no order {request.item}")
        return as_json({"number": number, "order": json.loads(orders.lines[number - 1])})

    return Service("store", {"GET /orders": count, "POST /orders": create, "GET /orders/{item}": read})


if __name__ == "__main__":
    run(service(Orders(Path(os.environ.get("DATA_DIR", "/data")) / "orders.log")))
