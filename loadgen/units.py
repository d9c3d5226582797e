"""Durations, rates, sizes and shares: numbers that know their unit. Below everything that drives load or judges it.

Each type parses what a scenario file says (`8s`, `1m30s`, `40/s`, `64Mi`, `99%`) and prints itself the same way.
"""

import re
from dataclasses import dataclass
from typing import Self

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_RATE = re.compile(r"(\d+(?:\.\d+)?)/(s|m|h)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)(Ki|Mi|Gi|k|M|G|)")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time."""

    seconds: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """`250ms`, `8s`, `1m30s`, `30d`. Raises ValueError."""
        parts = _PART.findall(text)
        if not parts or "".join(n + u for n, u in parts) != text:
            raise ValueError(f"{text!r} is not a duration; write it like 250ms, 8s or 1m30s")
        return cls(sum(float(n) * _SECONDS[u] for n, u in parts))

    @property
    def milliseconds(self) -> float:
        return self.seconds * 1000

    def __str__(self) -> str:
        if 0 < self.seconds < 1:
            return f"{_number(self.milliseconds)}ms"
        days, rest = divmod(self.seconds, _SECONDS["d"])
        if days and not rest:
            return f"{int(days)}d"
        minutes, seconds = divmod(self.seconds, 60)
        if minutes and not seconds:
            return f"{int(minutes)}m"
        return f"{int(minutes)}m{_number(seconds)}s" if minutes else f"{_number(seconds)}s"


@dataclass(frozen=True, slots=True, order=True)
class Rate:
    """Events in a second."""

    per_second: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """`40/s`, `90/m`. Raises ValueError."""
        match = _RATE.fullmatch(text)
        if not match:
            raise ValueError(f"{text!r} is not a rate; write it like 40/s or 90/m")
        return cls(float(match[1]) / _SECONDS[match[2]])

    def __str__(self) -> str:
        return f"{_number(self.per_second)}/s"


@dataclass(frozen=True, slots=True, order=True)
class Size:
    """An amount of memory or disk."""

    bytes: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """`512Ki`, `64Mi`, as Kubernetes quantities. Raises ValueError."""
        match = _SIZE.fullmatch(text)
        if not match:
            raise ValueError(f"{text!r} is not a size; write it like 512Ki, 64Mi or 1Gi")
        return cls(round(float(match[1]) * _BYTES[match[2]]))

    def __str__(self) -> str:
        for unit in ("Gi", "Mi", "Ki"):
            if self.bytes >= _BYTES[unit]:
                return f"{_number(self.bytes / _BYTES[unit])}{unit}"
        return str(self.bytes)


@dataclass(frozen=True, slots=True, order=True)
class Share:
    """A part of a whole, 0 to 1."""

    of_one: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """`99%`, `99.9%`. Raises ValueError."""
        match = _SHARE.fullmatch(text)
        if not match or float(match[1]) > 100:
            raise ValueError(f"{text!r} is not a share; write it like 99%")
        return cls(float(match[1]) / 100)

    def __str__(self) -> str:
        return f"{_number(self.of_one * 100)}%"
