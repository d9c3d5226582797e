"""What an app tells about itself: JSON log lines, memory, and counts in Prometheus' text format."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

BUCKET_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


def log(level: str, message: str, **fields: Any) -> None:
    """One JSON line in one write, so that lines of several threads never mix."""
    line = json.dumps({"time": round(time.time(), 3), "level": level, "message": message, **fields})
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def resident_bytes() -> int:
    """Memory of this process that is really there (Linux; 0 elsewhere)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


class Counts:
    """Requests by route and status, and how long they took. The caller holds the lock."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.served: Counter[tuple[str, int]] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.within: Counter[tuple[str, float]] = Counter()

    def add(self, route: str, status: int, seconds: float) -> None:
        self.served[route, status] += 1
        self.seconds[route] += seconds
        self.within.update((route, edge) for edge in BUCKET_SECONDS if seconds <= edge)

    def text(self) -> str:
        """Prometheus' exposition format 0.0.4."""
        lines = [f"process_resident_memory_bytes {resident_bytes()}", f"http_requests_in_flight {self.in_flight}"]
        lines += [
            f'http_requests_total{{route="{route}",code="{status}"}} {count}'
            for (route, status), count in sorted(self.served.items())
        ]
        for route in sorted(self.seconds):
            lines += self._histogram(route)
        return "\n".join(lines) + "\n"

    def _histogram(self, route: str) -> list[str]:
        name, total = "http_request_seconds", sum(n for (r, _), n in self.served.items() if r == route)
        return [
            *(f'{name}_bucket{{route="{route}",le="{edge}"}} {self.within[route, edge]}' for edge in BUCKET_SECONDS),
            f'{name}_bucket{{route="{route}",le="+Inf"}} {total}',
            f'{name}_sum{{route="{route}"}} {self.seconds[route]:.6f}',
            f'{name}_count{{route="{route}"}} {total}',
        ]
