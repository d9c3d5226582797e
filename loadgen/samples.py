"""What a load worker measured in one second, as it crosses from the load pod to the recording.

A worker prints one JSON line a second, prefixed by `PREFIX`, on standard output: pod logs carry it on every cluster,
and what was printed before a pod died is still there. A request belongs to the second of its *intended* start, so a
hanging service is measured as hanging; a line for a second is printed once every request intended for it has been
answered or has timed out (so: timeout + about one second later), and never again.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any, Self

PREFIX = "seawall-sample "

# Upper edges of the latency buckets in milliseconds, about 12 % apart; the last bucket has no upper edge.
EDGES_MS: tuple[float, ...] = tuple(round(1.12**i, 3) for i in range(100))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One second of one worker."""

    second: int
    """Unix time of the intended starts, whole seconds."""
    worker: str
    intended: int
    sent: int
    ok: int
    failed: dict[str, int] = field(default_factory=dict)
    """By kind: timeout, refused, reset, dns, http-503 …"""
    latency: dict[int, int] = field(default_factory=dict)
    """Histogram over all answered requests, ok or not, measured from the intended start: bucket index -> count."""
    start_error_ms_max: float = 0.0
    """How late the worst request left, against its intended start."""
    start_error_ms_p99: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "second": self.second,
            "worker": self.worker,
            "intended": self.intended,
            "sent": self.sent,
            "ok": self.ok,
            "failed": self.failed,
            "latency": {str(k): v for k, v in self.latency.items()},
            "start_error_ms_max": self.start_error_ms_max,
            "start_error_ms_p99": self.start_error_ms_p99,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Raises KeyError or ValueError for a line that is not a sample."""
        return cls(**{**data, "latency": {int(k): v for k, v in data["latency"].items()}})


def bucket(latency_ms: float) -> int:
    """The index of the bucket a latency falls into; len(EDGES_MS) is the overflow."""
    return bisect_left(EDGES_MS, latency_ms)
