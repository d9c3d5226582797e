"""Durations in the short form that `kubectl get` prints, by the thresholds of apimachinery's HumanDuration."""

from cluster.client import Obj
from cluster.timestamps import parse_time

MINUTE, HOUR, DAY = 60, 3600, 86400
UNKNOWN = "<unknown>"


def human_duration(seconds: float) -> str:
    """ "37s", "4m38s", "18m", "5h3m", "2d4h", "12d", "3y20d": two units while the first is small, then one."""
    whole = int(seconds)
    if seconds < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    if whole < 2 * MINUTE:
        return f"{whole}s"
    if whole < 10 * MINUTE:
        return _two(whole, MINUTE, "m", 1, "s")
    if whole < 3 * HOUR:
        return f"{whole // MINUTE}m"
    if whole < 8 * HOUR:
        return _two(whole, HOUR, "h", MINUTE, "m")
    return _long(whole)


def _long(whole: int) -> str:
    if whole < 48 * HOUR:
        return f"{whole // HOUR}h"
    if whole < 192 * HOUR:
        return _two(whole, DAY, "d", HOUR, "h")
    if whole < 730 * DAY:
        return f"{whole // DAY}d"
    if whole < 2920 * DAY:
        return _two(whole, 365 * DAY, "y", DAY, "d")
    return f"{whole // (365 * DAY)}y"


def _two(whole: int, big: int, big_name: str, small: int, small_name: str) -> str:
    first, rest = divmod(whole, big)
    second = rest // small
    return f"{first}{big_name}{second}{small_name}" if second else f"{first}{big_name}"


def since(moment: str | None, now: float) -> str:
    """The time from an RFC 3339 moment until now; "<unknown>" without one."""
    return human_duration(now - parse_time(moment)) if moment else UNKNOWN


def age(obj: Obj, now: float) -> str:
    return since(obj.get("metadata", {}).get("creationTimestamp"), now)
