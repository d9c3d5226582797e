"""Sessions: what an app remembers of each visitor for a while. Memory that grows with traffic, to a plateau.

SESSION_KIB for each visit and SESSION_SECONDS of remembering switch it on; without them nothing is kept.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from mmap import mmap

KIB = 1024


class Sessions:
    """The sessions of the last `seconds`, of `size` bytes each."""

    def __init__(self, size: int, seconds: float) -> None:
        self._seconds = seconds
        self._page = b"\xa5" * size
        self._kept: deque[tuple[float, mmap]] = deque()
        self._lock = threading.Lock()

    def visit(self) -> None:
        """Called for every visit. The bytes are written, not just asked for: the kernel counts them.

        Pages of their own, so that what is forgotten goes back to the kernel at once and not to the heap.
        """
        if not self._page:
            return
        now = time.monotonic()
        with self._lock:
            while self._kept and self._kept[0][0] < now - self._seconds:
                self._kept.popleft()
            session = mmap(-1, len(self._page))
            session.write(self._page)
            self._kept.append((now, session))

    def kept_bytes(self) -> int:
        with self._lock:
            return sum(len(session) for _, session in self._kept)


def from_environment() -> Sessions:
    return Sessions(int(os.environ.get("SESSION_KIB", "0")) * KIB, float(os.environ.get("SESSION_SECONDS", "0")))
