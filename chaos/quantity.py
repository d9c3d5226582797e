"""Kubernetes quantities: `100m`, `64Mi`, `1e3`, 2."""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d{1,3})|([KMGTPE]i|[numkMGTPE]))?")
_SCALE = {s: Decimal(1000) ** i for i, s in ((-3, "n"), (-2, "u"), (-1, "m"), (1, "k"), (2, "M"), (3, "G"))}
_SCALE |= {s: Decimal(1000) ** i for i, s in ((4, "T"), (5, "P"), (6, "E"))}
_SCALE |= {f"{s}i": Decimal(1024) ** i for i, s in enumerate("KMGTPE", start=1)}


@lru_cache(maxsize=1024)
def _parse(text: str) -> Decimal | None:
    match = _QUANTITY.fullmatch(text)
    if match is None or len(text) > 64:
        return None
    number, exponent, suffix = match.groups()
    return Decimal(number + (exponent or "")) * _SCALE.get(suffix or "", Decimal(1))


def parse(value: Any) -> Decimal | None:
    """The number a quantity stands for (cores, bytes), or None when it is not one."""
    if isinstance(value, bool) or value is None:
        return None
    return _parse(str(value))
