"""Times as the Kubernetes API writes them. A moment is a float: seconds since 1970, as `time.time()` gives them."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_time(moment: float) -> str:
    """A `metav1.Time`, whole seconds, rounded down: "2026-01-31T12:00:00Z"."""
    return _at(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_micro_time(moment: float) -> str:
    """A `metav1.MicroTime` (leases, events.k8s.io): "2026-01-31T12:00:00.123456Z"."""
    return _at(moment).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> float:
    """Seconds since 1970 of an RFC 3339 time with zone, fraction or not. Raises ValueError on anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or "T" not in text:
        raise ValueError(f"{text!r} is no RFC 3339 time: write it like 2026-01-31T12:00:00Z")
    return (moment - _EPOCH) / timedelta(seconds=1)


def _at(moment: float) -> datetime:
    # Microseconds are counted as an integer first: a float of today's size can fall just short of the one meant.
    return _EPOCH + timedelta(microseconds=round(moment * 1_000_000))
