"""How much was allowed that should not have been: counted, for the storms that try forbidden things."""

from collections.abc import Callable, Iterator

from chaos.judging import eavesdropper, escape, network, rbac
from chaos.judging.history import History
from chaos.recording import Fault

_TRIES: dict[str, Callable[[Fault], Iterator[str]]] = {
    "stolen-token": rbac.allowed,
    "intern-script": rbac.allowed,
    "rogue-client": network.opened,
    "container-escape": escape.done,
    "eavesdropper": eavesdropper.overheard,
}


def forbidden_allowed(past: History) -> int | None:
    """The different forbidden things that were allowed at least once; None for a storm that tries or tells nothing."""
    tries = _TRIES.get(past.injections[0].fault) if past.injections else None
    told = [f for f in past.faults if f.step in ("inject", "witness") and f.ok]
    if tries is None or not any(f.step == "witness" for f in told):
        return None
    return len({what for f in told for what in tries(f)})
