"""Cron schedules: when they fire next. Pure.

Five fields (minute, hour, day of month, month, day of week), names of months and days, lists, ranges, steps, the
usual macros and `@every 90s`; where both days are restricted, either will do. As robfig/cron, which Kubernetes uses.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_EVERY = re.compile(r"@every (?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_HORIZON_DAYS = 5 * 366


class _Field(NamedTuple):
    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS = (_Field(0, 59), _Field(0, 23), _Field(1, 31), _Field(1, 12, _MONTHS), _Field(0, 6, _DAYS))


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which minutes match; or, for `@every`, a period."""

    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    any_day: bool = False
    """Whether one of the two day fields is a star: then both must match."""
    every: timedelta | None = None

    def after(self, moment: datetime) -> datetime | None:
        """The first time after `moment`, in its own time zone; None if there is none within five years."""
        if self.every is not None:
            return moment.replace(microsecond=0) + self.every
        day = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for _ in range(_HORIZON_DAYS):
            if self._on(day) and (found := self._within(day)):
                return found
            day = (day + timedelta(days=1)).replace(hour=0, minute=0)
        return None

    def _on(self, day: datetime) -> bool:
        in_month, on_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and (in_month and on_weekday if self.any_day else in_month or on_weekday)

    def _within(self, start: datetime) -> datetime | None:
        for hour in sorted(h for h in self.hours if h >= start.hour):
            first = start.minute if hour == start.hour else 0
            if minutes := [m for m in self.minutes if m >= first]:
                return start.replace(hour=hour, minute=min(minutes))
        return None


@lru_cache(maxsize=256)
def parse_schedule(text: str) -> Schedule:
    """Raises ValueError that says what is wrong."""
    if text.startswith("@every "):
        return Schedule(every=_period(text))
    parts = MACROS.get(text, text).split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"expected exactly 5 fields, found {len(parts)}: [{' '.join(parts)}]")
    minutes, hours, days, months, weekdays = (_values(p, f) for p, f in zip(parts, _FIELDS, strict=True))
    any_day = parts[2][0] in "*?" or parts[4][0] in "*?"
    return Schedule(minutes, hours, days, months, weekdays, any_day)


def _period(text: str) -> timedelta:
    match = _EVERY.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    period = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if not period:
        raise ValueError(f"failed to parse duration {text}")
    return period


def _values(text: str, field: _Field) -> frozenset[int]:
    return frozenset(value for part in text.split(",") for value in _range(part, field))


def _range(text: str, field: _Field) -> range:
    span, slash, step = text.partition("/")
    if slash and (not step.isdigit() or int(step) == 0):
        raise ValueError(f"step of range should be a positive number: {text}")
    if span in ("*", "?"):
        return range(field.low, field.high + 1, int(step or 1))
    first, dash, last = span.partition("-")
    low = _number(first, field)
    high = _number(last, field) if dash else field.high if slash else low
    if low < field.low:
        raise ValueError(f"beginning of range ({low}) below minimum ({field.low}): {text}")
    if high > field.high:
        raise ValueError(f"end of range ({high}) above maximum ({field.high}): {text}")
    if low > high:
        raise ValueError(f"beginning of range ({low}) beyond end of range ({high}): {text}")
    return range(low, high + 1, int(step or 1))


def _number(text: str, field: _Field) -> int:
    if text.lower() in field.names:
        return field.names.index(text.lower()) + field.low
    if not text.isdigit() or not text.isascii():
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)
