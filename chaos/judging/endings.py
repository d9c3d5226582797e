"""How containers ended: all there is to tell an OOM kill from others, and today's from yesterday's."""

from chaos.judging.history import History, Obj, Sighting, after, at, container, ended
from chaos.judging.neighbours import removed
from chaos.recording import Fault


def ends_of(sightings: list[Sighting], name: str, before: Obj) -> list[tuple[float, Obj]]:
    """How a container ended in these sightings of its pod, each with when that was seen.

    `before` is its status just before them; empty for a pod that is new.
    """
    found: list[tuple[float, Obj]] = []
    counted = _ended_times(before)
    for sighting in sightings:
        now = container(sighting.object, name)
        if _ended_times(now) > counted:
            found.append((sighting.t, ended(now.get("state")) or ended(now.get("last"))))
            counted = _ended_times(now)
    return found


def _ended_times(status: Obj) -> int:
    """Every ending is told by `state` until the restart and by `last` after it; each is counted once."""
    return int(status.get("restarts", 0)) + (1 if ended(status.get("state")) else 0)


def injured(past: History, injection: Fault) -> tuple[list[Sighting], Obj]:
    """The pod as seen since the fault was done to it, until it was removed, and its container just before."""
    sightings, uid = past.pod(injection.target), injection.data.get("uid")
    before = at(sightings, injection.t)
    uid = uid or (before or {}).get("uid")
    same = [s for s in after(sightings, injection.t) if s.object.get("uid") == uid and not removed(s)]
    then = container(before, injection.data.get("container", ""))
    return same, {**then, "restarts": injection.data.get("restarts", then.get("restarts", 0))}


def endings(past: History, injection: Fault) -> list[tuple[float, Obj]]:
    """How the injured container ended since the fault, each with when that was seen."""
    same, before = injured(past, injection)
    return ends_of(same, injection.data.get("container", ""), before)


def oom_kills(past: History, injection: Fault) -> list[float]:
    """When the injured container was seen OOMKilled since the fault."""
    return [t for t, how in endings(past, injection) if how.get("reason") == "OOMKilled"]
