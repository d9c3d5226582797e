"""When users arrive: a Poisson process, repeatable by its seed.

Users who know nothing of each other arrive like that, and so do their bursts, which an even spacing would hide. It also
divides well: N workers with a share of the rate and seeds of their own make up the same process.
"""

from collections.abc import Iterator
from itertools import accumulate, repeat
from random import Random


def arrivals(per_second: float, random: Random) -> Iterator[float]:
    """Seconds after the start at which the next user comes, for ever. `per_second` is above 0."""
    return accumulate(random.expovariate(rate) for rate in repeat(per_second))
