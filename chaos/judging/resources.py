"""Did requests and limits hold? The leak ends where it is, the neighbours never notice, and the container comes back.

An OOM kill is told by its reason, not by exit code 137, which a liveness kill and an exceeded grace period share; and
it is today's only if the container ran when the fault came, or has restarted since.
"""

from chaos.judging import ceiling, headroom, pressure, share
from chaos.judging.endings import endings, injured, oom_kills
from chaos.judging.history import History, Objectives, Sighting, container
from chaos.judging.neighbours import how_it_ended
from chaos.judging.steady import served, summary, unkept
from chaos.judging.unharmed import neighbours_unharmed
from chaos.judging.verdict import Criterion, Evidence, worst
from chaos.recording import Fault
from loadgen.units import Size


def judge(past: History, wanted: Objectives) -> list[Criterion]:
    """For recordings that raise no doubts; which criteria there are depends on what the fault asked of the workload."""
    fault = past.injections[0].fault
    if fault == "cpu-hog":
        return share.judge(past, wanted)
    if fault == "memory-pressure":
        return pressure.judge(past, wanted)
    if fault == "traffic-spike":
        return ceiling.judge(past, wanted) if ceiling.autoscaler(past, wanted) else headroom.judge(past, wanted)
    return [_contained(past), neighbours_unharmed(past, wanted), _came_back(past, wanted)]


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


def _came_back(past: History, wanted: Objectives) -> Criterion:
    parts = [_back(past, injection, wanted) for injection in past.injections]
    got = served(past.within("recovery"), wanted.timeout)
    missed = unkept(past.within("recovery"), wanted.promise, wanted.timeout)
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
