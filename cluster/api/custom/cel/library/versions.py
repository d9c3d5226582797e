"""Semantic versions, as in "1.2.3-rc.1". Source: semver.org."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cluster.api.custom.cel.library.quantities import compared
from cluster.api.custom.cel.problems import EvaluationError

_NUMBER, _WORD = r"(0|[1-9]\d*)", r"[0-9A-Za-z-]+"
_VERSION = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_WORD}(?:\.{_WORD})*))?(?:\+{_WORD}(?:\.{_WORD})*)?", re.ASCII
)
_LONGEST = 256
_ZEROS = re.compile(r"^0+(?=\d)")


@dataclass(frozen=True, slots=True)
class Version:
    """`before` is what makes it come before the release of the same number: rc, 1. Builds do not count."""

    numbers: tuple[int, int, int]
    before: tuple[tuple[int, int, str], ...]

    @property
    def order(self) -> tuple[Any, ...]:
        return self.numbers, not self.before, self.before


def _version(text: str, tolerant: bool = False) -> Version:
    match = _VERSION.fullmatch(_completed(text) if tolerant else text) if len(text) <= _LONGEST else None
    words = match[4].split(".") if match and match[4] else []
    if match is None or any(word.isdecimal() and word != str(int(word)) for word in words):
        raise EvaluationError(f'Invalid character(s) found in version "{text}"')
    numbers = (int(match[1]), int(match[2]), int(match[3]))
    return Version(numbers, tuple((0, int(w), "") if w.isdecimal() else (1, 0, w) for w in words))


def _completed(text: str) -> str:
    """Without a v before it or zeros before its numbers, and with those numbers that are missing."""
    parts = [_ZEROS.sub("", part) for part in text.removeprefix("v").split(".", 2)]
    if len(parts) < 3 and re.search(r"[+-]", parts[-1]):
        raise EvaluationError("short version cannot contain PreRelease/Build meta data")
    return ".".join([*parts, "0", "0"][:3])


def _is_version(text: str, tolerant: bool = False) -> bool:
    try:
        _version(text, tolerant)
    except EvaluationError:
        return False
    return True


def _compared(one: Version, other: Version) -> int:
    return compared(one.order, other.order)


_SEMVER = "kubernetes.Semver"
VERSIONS: dict[str, Callable[..., Any]] = {
    f"semver(string) {_SEMVER}": _version,
    f"semver(string, bool) {_SEMVER}": _version,
    "isSemver(string) bool": _is_version,
    "isSemver(string, bool) bool": _is_version,
    f"{_SEMVER} . major() int": lambda version: version.numbers[0],
    f"{_SEMVER} . minor() int": lambda version: version.numbers[1],
    f"{_SEMVER} . patch() int": lambda version: version.numbers[2],
    f"{_SEMVER} . isGreaterThan({_SEMVER}) bool": lambda one, other: _compared(one, other) > 0,
    f"{_SEMVER} . isLessThan({_SEMVER}) bool": lambda one, other: _compared(one, other) < 0,
    f"{_SEMVER} . compareTo({_SEMVER}) int": _compared,
}
