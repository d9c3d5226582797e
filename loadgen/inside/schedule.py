"""When users arrive: a Poisson process, repeatable by its seed.

Users who know nothing of each other arrive like that, and so do their bursts, which an even spacing would hide. It also
divides well: N workers with a share of the rate and seeds of their own make up the same process.
"""

from collections.abc import Callable, Iterator
from itertools import accumulate, repeat
from random import Random


def _as_planned() -> float:
    return 1.0


def arrivals(per_second: float, random: Random, times: Callable[[], float] = _as_planned) -> Iterator[float]:
    """Seconds after the start at which the next user comes, for ever. `per_second` is above 0.

    `times` says, whenever asked, by what the rate is multiplied just then.
    """
    return accumulate(random.expovariate(rate * times()) for rate in repeat(per_second))
