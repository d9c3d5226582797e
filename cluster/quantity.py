"""Kubernetes quantities ("250m", "64Mi", "1e3"), exact.

Meaning and canonical form follow apimachinery's `resource.Quantity`: finer than a nano is rounded up (away from
zero), and the canonical form has no fraction and the largest suffix that allows that.
"""

import re
from fractions import Fraction
from functools import lru_cache

_PATTERN = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?|[eE][+-]?\d{1,3})")
_BINARY = {"Ei": 2**60, "Pi": 2**50, "Ti": 2**40, "Gi": 2**30, "Mi": 2**20, "Ki": 2**10}
_DECIMAL = {"E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "": 0, "m": -3, "u": -6, "n": -9}
_NANO = Fraction(1, 10**9)
_LONGEST = 100


def parse_quantity(quantity: str | float) -> Fraction:
    """The exact value; of a float, the one that its shortest spelling means. Raises ValueError in Kubernetes' words."""
    return _parse(str(quantity))[0]


def canonical(quantity: str | float) -> str:
    """The same quantity as the API server writes it back: "0.5" is "500m", "1024Mi" is "1Gi"."""
    value, suffix = _parse(str(quantity))
    return _format(value, suffix)


def whole_thousandths(quantity: str) -> str:
    """The amount of a resource as the API server keeps it: rounded up to thousandths, "0.1m" to "1m"."""
    value, suffix = _parse(quantity)
    return _format(_round_up(value, Fraction(1, 1000)), suffix)


def format_quantity(value: Fraction | int, like: str = "") -> str:
    """A computed value in the family of suffixes (1024s, 1000s or exponents) that the quantity `like` is written in."""
    return _format(_round_up(Fraction(value), _NANO), _parse(like)[1] if like else "")


def millis(quantity: str | float) -> int:
    """Thousandths, rounded up; for cpu: "0.1" is 100."""
    return int(_round_up(parse_quantity(quantity), Fraction(1, 1000)) * 1000)


def to_bytes(quantity: str | float) -> int:
    """Whole units, rounded up; for memory: "64Mi" is 67108864."""
    return int(_round_up(parse_quantity(quantity), Fraction(1)))


@lru_cache(maxsize=4096)
def _parse(text: str) -> tuple[Fraction, str]:
    match = _PATTERN.fullmatch(text) if len(text) <= _LONGEST and text.isascii() else None
    if match is None:
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    sign, number, suffix = match.groups()
    value = Fraction(number) * _scale(suffix) * (-1 if sign == "-" else 1)
    return _round_up(value, _NANO), suffix


def _scale(suffix: str) -> Fraction:
    if suffix in _BINARY:
        return Fraction(_BINARY[suffix])
    exponent = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
    return Fraction(10) ** exponent


def _round_up(value: Fraction, unit: Fraction) -> Fraction:
    steps = abs(value) / unit
    rounded = -(-steps.numerator // steps.denominator) * unit
    return rounded if value >= 0 else -rounded


def _format(value: Fraction, suffix: str) -> str:
    if value == 0:
        return "0"
    # A binary suffix cannot say a fraction, and says nothing below 1024; Kubernetes then writes decimals.
    if suffix in _BINARY and value.denominator == 1 and abs(value) >= 1024:
        return _binary(value.numerator)
    exponential = suffix not in _BINARY and suffix not in _DECIMAL
    return _decimal(value, exponential=exponential)


def _binary(value: int) -> str:
    for suffix, scale in _BINARY.items():
        if value % scale == 0:
            return f"{value // scale}{suffix}"
    return str(value)


def _decimal(value: Fraction, *, exponential: bool) -> str:
    suffix, exponent = next((s, e) for s, e in _DECIMAL.items() if (value / Fraction(10) ** e).denominator == 1)
    digits = int(value / Fraction(10) ** exponent)
    if exponential:
        return f"{digits}e{exponent}" if exponent else str(digits)
    return f"{digits}{suffix}"
