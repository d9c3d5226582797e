"""Unix time that never jumps: the wall clock read once, then carried on by the monotonic one."""

import time
from collections.abc import Callable

Clock = Callable[[], float]


def steady_clock() -> Clock:
    offset = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset
