"""What the command's exit code says."""

from collections.abc import Iterable

MET = 0  # every expectation was met
BROKE = 1  # a defense broke where it was expected to hold, or the reverse
NOT_PROVEN = 2
WRONG_INPUT = 64  # EX_USAGE
NO_CLUSTER = 69  # EX_UNAVAILABLE
INTERRUPTED = 130  # 128 + SIGINT, after undoing everything

_WORST_FIRST = (INTERRUPTED, NO_CLUSTER, WRONG_INPUT, BROKE, NOT_PROVEN, MET)


def worst(codes: Iterable[int]) -> int:
    """The code of several runs together: one that broke outweighs one that was not proven."""
    found = set(codes)
    return next((code for code in _WORST_FIRST if code in found), MET)
