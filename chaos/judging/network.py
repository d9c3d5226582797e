"""Did the network policies hold? A stranger is kept out of every door and out of the target's reach, a client let in.

A policy has no status, and a connection that fails has many reasons. So a door counts as shut only while somebody stood
behind it, the stranger reached its own listener, and the guest was let in at the front; and only silence counts, for a
refused connection may as well be a door with nobody behind it.
"""

from collections.abc import Iterable, Iterator

from chaos.judging.history import History, Obj, Objectives
from chaos.judging.verdict import Criterion, Evidence
from chaos.recording import Fault

SHUT_OUT, KEPT_IN = "strangers shut out", "target kept in"
CONNECTED, DROPPED = "connected", "timeout"
# The stranger's own door, which must always open.
LISTENER = "Pod/listener"
WAY_OUT = "from the target to the stranger"
# One look could be luck on a busy machine.
LOOKS = 2


def judge(past: History, wanted: Objectives) -> list[Criterion]:  # noqa: ARG001  # every judge is called alike
    """Strangers shut out, the target kept in, callers let in: for recordings that raise no doubts."""
    injection, end = past.injections[0], past.phases["fault"].end
    about = [f for f in past.faults if f.step == "witness" and f.target == injection.target]
    looks = [f for f in about if injection.t <= f.t <= end]
    return [_strangers(injection, looks), _kept_in(looks), _callers(injection, looks)]


def _doors(data: Obj, key: str) -> list[str]:
    found = data.get(key)
    return [str(door) for door in found] if isinstance(found, list) else []


def _answers(look: Fault, who: str) -> dict[str, str]:
    found = look.data.get(who)
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def opened(step: Fault) -> Iterator[str]:
    """The workload's doors that a step of the fault found open to the stranger, and the way out to it."""
    yield from (door for door, got in _answers(step, "rogue").items() if got == CONNECTED and door != LISTENER)
    if step.data.get("out") == CONNECTED:
        yield WAY_OUT


def _strangers(injection: Fault, looks: list[Fault]) -> Criterion:
    name, doors = SHUT_OUT, _doors(injection.data, "doors")
    open_doors = {door: look for look in reversed(looks) for door in doors if _got(look, door) == CONNECTED}
    if open_doors:
        evidence = (
            Evidence(t=look.t, source="rogue", text=f"{door}: connected") for door, look in sorted(open_doors.items())
        )
        text = f"a stranger got through {len(open_doors)} of {len(doors)} doors: {_listed(open_doors)}"
        return Criterion(name=name, verdict="broke", text=text, evidence=tuple(evidence))
    if not doors:
        return Criterion(name=name, verdict="not_proven", text="nothing was knocked at")
    unproven = {door: why for door in doors if (why := _unproven(door, looks))}
    if unproven:
        text = "; ".join(f"{door}: {why}" for door, why in sorted(unproven.items()))
        return Criterion(name=name, verdict="not_proven", text=text)
    good = [look for look in looks if look.ok]
    text = f"all of {len(doors)} doors stayed silent to a stranger at {len(good)} looks: {_listed(doors)}"
    evidence = (Evidence(t=good[0].t, source="rogue", text=f"{door}: no answer in time") for door in sorted(doors))
    return Criterion(name=name, verdict="held", text=text, evidence=tuple(evidence))


def _got(look: Fault, door: str) -> str:
    return _answers(look, "rogue").get(door, "")


def _unproven(door: str, looks: list[Fault]) -> str:
    """Why a door cannot be said to be shut; empty when it can."""
    good = [look for look in looks if look.ok and door in _doors(look.data, "attended")]
    if len(good) < LOOKS:
        return f"somebody stood behind it, and both controls answered, at {len(good)} looks, too few to tell"
    other = next((answer for look in good if (answer := _got(look, door)) != DROPPED), None)
    return "" if other is None else f"neither let in nor dropped, but: {other or 'not tried'}"


def _kept_in(looks: list[Fault]) -> Criterion:
    """Whoever got into the target cannot carry anything out to a stranger whom it has no business with."""
    name = KEPT_IN
    out = next((look for look in looks if look.data.get("out") == CONNECTED), None)
    if out is not None:
        evidence = (Evidence(t=out.t, source="target", text=f"{LISTENER} of a foreign namespace: connected"),)
        text = "a pod of the target connected to a pod of a foreign namespace"
        return Criterion(name=name, verdict="broke", text=text, evidence=evidence)
    good = [look for look in looks if look.ok]
    other = [str(look.data.get("out") or "not tried") for look in good if look.data.get("out") != DROPPED]
    if len(good) < LOOKS or other:
        text = f"neither let out nor dropped, but: {other[0]}" if other else f"{len(good)} good looks, too few to tell"
        return Criterion(name=name, verdict="not_proven", text=text)
    text = f"a pod of a foreign namespace stayed silent to the target at {len(good)} looks, and answered its neighbour"
    evidence = (Evidence(t=good[0].t, source="target", text=f"{LISTENER} of a foreign namespace: no answer in time"),)
    return Criterion(name=name, verdict="held", text=text, evidence=evidence)


def _callers(injection: Fault, looks: list[Fault]) -> Criterion:
    name, front = "callers let in", _doors(injection.data, "front")
    let_in = [look for look in looks if front and all(_answers(look, "guest").get(d) == CONNECTED for d in front)]
    evidence = tuple(Evidence(t=look.t, source="guest", text=f"{_listed(front)}: connected") for look in let_in[:1])
    if len(let_in) < LOOKS:
        text = f"the allowed client reached {_listed(front) or 'no front door'} at {len(let_in)} looks, too few to tell"
        return Criterion(name=name, verdict="not_proven", text=text, evidence=evidence)
    text = f"the allowed client reached {_listed(front)} at {len(let_in)} of {len(looks)} looks"
    return Criterion(name=name, verdict="held", text=text, evidence=evidence)


def _listed(doors: Iterable[str]) -> str:
    return ", ".join(sorted(doors))
