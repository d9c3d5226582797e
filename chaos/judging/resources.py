"""Did requests and limits hold? The leak ends where it is, the neighbours never notice, and the container comes back.

An OOM kill is told by its reason, not by exit code 137, which a liveness kill and an exceeded grace period share; and
it is today's only if the container ran when the fault came, or has restarted since.
"""

from chaos.judging import ceiling
from chaos.judging.history import History, Obj, Objectives, Sighting, after, at, container, ended
from chaos.judging.neighbours import bystanders, harms, how_it_ended, removed, unready, was_ready
from chaos.judging.steady import served, shortfalls, summary
from chaos.judging.verdict import Criterion, Evidence, worst
from chaos.recording import Fault
from loadgen.units import Size


def judge(past: History, wanted: Objectives) -> list[Criterion]:
    """Contained, neighbours unharmed, came back; for an autoscaler its ceiling: for recordings that raise no doubts."""
    if past.injections[0].fault == "traffic-spike" and ceiling.autoscaler(past, wanted):
        return ceiling.judge(past, wanted)
    return [_contained(past), _neighbours(past, wanted), _came_back(past, wanted)]


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
    found: list[tuple[float, Obj]] = []
    counted = before["restarts"] + (1 if ended(before.get("state")) else 0)
    for sighting in same:
        now = container(sighting.object, injection.data.get("container", ""))
        # Every ending is told by `state` until the restart and by `last` after it; each is counted once.
        current = now.get("restarts", 0) + (1 if ended(now.get("state")) else 0)
        if current > counted:
            found.append((sighting.t, ended(now.get("state")) or ended(now.get("last"))))
            counted = current
    return found


def oom_kills(past: History, injection: Fault) -> list[float]:
    """When the injured container was seen OOMKilled since the fault."""
    return [t for t, how in endings(past, injection) if how.get("reason") == "OOMKilled"]


def _contained(past: History) -> Criterion:
    parts = [_contained_pod(past, injection) for injection in past.injections]
    return _together("contained", "the leaking container was stopped at its own memory limit", parts)


def _contained_pod(past: History, injection: Fault) -> Criterion:
    same, before = injured(past, injection)
    latest = container(same[-1].object, injection.data.get("container", "")) if same else before
    limit = latest.get("memory_limit")
    who = f"container {injection.data.get('container', '')} of {injection.target}"
    ends = endings(past, injection)
    evidence = tuple(Evidence(t=t, source=f"Pod/{injection.target}", text=how_it_ended(how)) for t, how in ends)
    killed = any(how.get("reason") == "OOMKilled" and how.get("exitCode") == 137 for _, how in ends)
    if not latest:
        return Criterion(name="contained", verdict="not_proven", text=f"{who} was not observed")
    if limit is None:
        text = f"{who} has no memory limit" + (" and was killed for the node's sake" if killed else "")
        return Criterion(name="contained", verdict="broke", text=text, evidence=evidence)
    if killed:
        text = f"{who} was OOMKilled at its limit of {Size(limit)}"
        return Criterion(name="contained", verdict="held", text=text, evidence=evidence)
    seen = f"it ended otherwise ({how_it_ended(ends[-1][1])})" if ends else "it was not OOMKilled while the run lasted"
    text = f"{who} has a limit of {Size(limit)}, and {seen}"
    return Criterion(name="contained", verdict="not_proven", text=text, evidence=evidence)


def _together(name: str, held: str, parts: list[Criterion]) -> Criterion:
    """The criterion of several pods: as good as its worst part."""
    verdict = worst(p.verdict for p in parts)
    text = "; ".join(p.text for p in parts if p.verdict == verdict) or held
    return Criterion(name=name, verdict=verdict, text=text, evidence=tuple(e for p in parts for e in p.evidence))


def _neighbours(past: History, wanted: Objectives) -> Criterion:
    name = "neighbours unharmed"
    hurt = [e for evidence in harms(past).values() for e in evidence]
    hurt += [e for app in wanted.bystanders for e in unready(past, app)]
    short = list(_node_trouble(past))
    if hurt or short:
        told = [f"{', '.join(_names(hurt))}: hurt without fault of their own"] if hurt else []
        told += [f"{', '.join(_names(short))} ran short of memory"] if short else []
        evidence = tuple(sorted([*hurt, *short], key=lambda e: e.t or 0))
        return Criterion(name=name, verdict="broke", text="; ".join(told), evidence=evidence)
    unknown = [
        f"no Ready pod of {app} was seen before the fault" for app in wanted.bystanders if not was_ready(past, app)
    ]
    unknown += [f"node {node} told nothing of its memory" for node in _nodes(past) if not _tells_pressure(past, node)]
    if unknown:
        return Criterion(name=name, verdict="not_proven", text="; ".join(unknown))
    watched = len(bystanders(past))
    text = f"none of {watched} other pods was killed, restarted or evicted, and no node ran short of memory"
    return Criterion(name=name, verdict="held", text=text)


def _names(evidence: list[Evidence]) -> list[str]:
    return sorted({e.source.partition("/")[2] for e in evidence})


def _nodes(past: History) -> set[str]:
    """The nodes that the variant's pods ran on when the fault came."""
    pods = (at(sightings, past.injected_at) for _, sightings in past.of("Pod"))
    return {str(pod["node"]) for pod in pods if pod and pod.get("node")}


def _pressure(node: Obj) -> str:
    return str((node.get("conditions") or {}).get("MemoryPressure", {}).get("status", ""))


def _tells_pressure(past: History, node: str) -> bool:
    return any(_pressure(s.object) in ("True", "False") for s in past.seen.get(("Node", node), []))


def _node_trouble(past: History) -> list[Evidence]:
    nodes = _nodes(past)
    pressed = [
        Evidence(t=sighting.t, source=f"Node/{name}", text="MemoryPressure is True")
        for name, sightings in past.of("Node")
        if name in nodes
        and (sighting := next((s for s in after(sightings, past.injected_at) if _pressure(s.object) == "True"), None))
    ]
    ooms = [
        Evidence(t=s.t, source=str(s.object["about"]), text=f"SystemOOM: {s.object.get('message', '')}")
        for _, sightings in past.of("Event")
        for s in after(sightings, past.injected_at)
        if s.object.get("reason") == "SystemOOM" and str(s.object.get("about", "")).removeprefix("Node/") in nodes
    ]
    return pressed + ooms


def _came_back(past: History, wanted: Objectives) -> Criterion:
    parts = [_back(past, injection, wanted) for injection in past.injections]
    got = served(past.within("recovery"), wanted.timeout)
    missed = shortfalls(got, wanted.promise)
    text = f"users in the recovery: {'; '.join(missed) or summary(got)}"
    parts.append(Criterion(name="", verdict="broke" if missed else "held", text=text))
    return _together("came back", "", parts)


def _back(past: History, injection: Fault, wanted: Objectives) -> Criterion:
    kills, (same, _) = oom_kills(past, injection), injured(past, injection)
    pod = injection.target
    if not kills:
        text = f"{pod} was never OOMKilled, so its coming back was not tried"
        return Criterion(name="", verdict="not_proven", text=text)
    ready = next((s for s in same if s.t >= kills[0] and _serves(s, injection)), None)
    if ready is None or not same[-1].object.get("ready"):
        return Criterion(name="", verdict="broke", text=f"{pod} was not Ready again at the end of the run")
    took = ready.t - kills[0]
    verdict, word = ("held", "within") if took <= wanted.recover else ("broke", "not within")
    text = f"{pod} was Ready again {took:.1f} s after the kill, {word} {wanted.recover:g} s"
    evidence = (Evidence(t=ready.t, source=f"Pod/{pod}", text="Ready again"),)
    return Criterion(name="", verdict=verdict, text=text, evidence=evidence)  # type: ignore[arg-type]  # two literals


def _serves(sighting: Sighting, injection: Fault) -> bool:
    now = container(sighting.object, injection.data.get("container", ""))
    return bool(sighting.object.get("ready")) and "running" in (now.get("state") or {})
