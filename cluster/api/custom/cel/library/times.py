"""Moments and lengths of time, in nanoseconds."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cluster.api.custom.cel.problems import EvaluationError
from cluster.api.custom.cel.values import SECOND, Duration, Timestamp, is_int64

_UNITS = {"ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 10**6, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND}
_UNIT = r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)"
_LONG_UNITS = (
    (("ns", "nano"), 1),
    (("us", "µs", "micro"), 1000),
    (("ms", "milli"), 10**6),
    (("s", "sec"), SECOND),
    (("m", "min"), 60 * SECOND),
    (("h", "hr", "hour"), 3600 * SECOND),
    (("d", "day"), 24 * 3600 * SECOND),
    (("w", "wk", "week"), 7 * 24 * 3600 * SECOND),
)
"""The last word of each may go on: "minutes"."""
_WORDS = re.compile(r"(\d+)\s*([A-Za-zµ]+)", re.ASCII)
_DURATION, _PART = re.compile(rf"([-+]?)((?:{_UNIT})+|0)", re.ASCII), re.compile(_UNIT, re.ASCII)
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_OFFSET = re.compile(r"([+-]?)(\d\d):(\d\d)", re.ASCII)
_LONGEST = 256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
"""The years 1 to 9999, in seconds since 1970."""


def duration(text: str) -> Duration:
    """As in "1h30m". Raises `EvaluationError`."""
    match = _DURATION.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise EvaluationError("type conversion error from 'string' to 'google.protobuf.Duration'")
    length = sum(_nanoseconds(number, _UNITS[unit]) for number, unit in _PART.findall(match[2]))
    return _within(-length if match[1] == "-" else length)


def schema_duration(text: str) -> Duration:
    """As schemas take it, which know days and weeks too: "1 day 2h". Raises `EvaluationError`."""
    with suppress(EvaluationError):
        return duration(text)
    found = _WORDS.findall(text) if len(text) <= _LONGEST else []
    parts = [int(count) * unit for count, word in found if (unit := _long_unit(word.lower()))]
    if not parts:
        raise EvaluationError(f"unable to parse {text} as duration")
    return _within(sum(parts))


def _long_unit(word: str) -> int:
    """0 for none."""
    return next((unit for words, unit in _LONG_UNITS if word in words or word.startswith(words[-1])), 0)


def _nanoseconds(number: str, unit: int) -> int:
    before, _, after = number.partition(".")
    return int(before or 0) * unit + (int(after) * unit // 10 ** len(after) if after else 0)


def _within(nanoseconds: int) -> Duration:
    if not is_int64(nanoseconds):
        raise EvaluationError("integer overflow")
    return Duration(nanoseconds)


def timestamp(text: str) -> Timestamp:
    """Of RFC 3339. Raises `EvaluationError`."""
    match = _TIMESTAMP.fullmatch(text)
    try:
        moment = datetime.fromisoformat((match[1] + match[3]).upper()) if match else None
    except ValueError:
        moment = None
    if match is None or moment is None:
        raise EvaluationError("type conversion error from 'string' to 'google.protobuf.Timestamp'")
    seconds = (moment - _EPOCH) // timedelta(seconds=1)
    offset = (moment.utcoffset() or timedelta()) // timedelta(minutes=1)
    return _moment(seconds * SECOND + int((match[2] or "0").ljust(9, "0")), offset)


def _moment(nanoseconds: int, offset: int = 0) -> Timestamp:
    if not _FIRST <= nanoseconds // SECOND <= _LAST:
        raise EvaluationError("timestamp overflow")
    return Timestamp(nanoseconds, offset)


def timestamp_of(seconds: int) -> Timestamp:
    """Raises `EvaluationError` outside the years 1 to 9999."""
    return _moment(seconds * SECOND)


def duration_text(length: Duration) -> str:
    sign, value = ("-", -length.nanoseconds) if length.nanoseconds < 0 else ("", length.nanoseconds)
    fraction = f".{value % SECOND:09}".rstrip("0").rstrip(".")
    return f"{sign}{value // SECOND}{fraction}s"


def timestamp_text(moment: Timestamp) -> str:
    sign, hours, minutes = "-" if moment.offset < 0 else "+", *divmod(abs(moment.offset), 60)
    zone = f"{sign}{hours:02}:{minutes:02}" if moment.offset else "Z"
    local = _at(moment) + timedelta(minutes=moment.offset)
    fraction = f".{moment.nanoseconds % SECOND:09}".rstrip("0").rstrip(".")
    return f"{local:%Y-%m-%dT%H:%M:%S}{fraction}{zone}"


def _at(moment: Timestamp, zone: str = "UTC") -> datetime:
    return (_EPOCH + timedelta(microseconds=moment.nanoseconds // 1000)).astimezone(_zone(zone))


def _zone(name: str) -> tzinfo:
    if offset := _OFFSET.fullmatch(name):
        length = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-length if offset[1] == "-" else length)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise EvaluationError(f"unknown time zone {name}") from None


_PARTS: dict[str, Callable[[datetime], int]] = {
    "getFullYear": lambda at: at.year,
    "getMonth": lambda at: at.month - 1,
    "getDayOfYear": lambda at: at.timetuple().tm_yday - 1,
    "getDayOfMonth": lambda at: at.day - 1,
    "getDate": lambda at: at.day,
    "getDayOfWeek": lambda at: at.isoweekday() % 7,
    "getHours": lambda at: at.hour,
    "getMinutes": lambda at: at.minute,
    "getSeconds": lambda at: at.second,
    "getMilliseconds": lambda at: at.microsecond // 1000,
}
_LENGTHS = {"getHours": 3600 * SECOND, "getMinutes": 60 * SECOND, "getSeconds": SECOND, "getMilliseconds": 10**6}


def _part(read: Callable[[datetime], int]) -> Callable[..., int]:
    return lambda moment, zone="UTC": read(_at(moment, zone))


def _length(unit: int) -> Callable[[Duration], int]:
    return lambda length: int(abs(length.nanoseconds) // unit) * (1 if length.nanoseconds >= 0 else -1)


TIMES: dict[str, Callable[..., Any]] = {
    **{f"timestamp . {name}() int": _part(read) for name, read in _PARTS.items()},
    **{f"timestamp . {name}(string) int": _part(read) for name, read in _PARTS.items()},
    **{f"duration . {name}() int": _length(unit) for name, unit in _LENGTHS.items()},
    "_+_(duration, duration) duration": lambda one, other: _within(one.nanoseconds + other.nanoseconds),
    "_+_(timestamp, duration) timestamp": lambda at, length: _moment(at.nanoseconds + length.nanoseconds),
    "_+_(duration, timestamp) timestamp": lambda length, at: _moment(at.nanoseconds + length.nanoseconds),
    "_-_(duration, duration) duration": lambda one, other: _within(one.nanoseconds - other.nanoseconds),
    "_-_(timestamp, duration) timestamp": lambda at, length: _moment(at.nanoseconds - length.nanoseconds),
    "_-_(timestamp, timestamp) duration": lambda one, other: _within(one.nanoseconds - other.nanoseconds),
}
