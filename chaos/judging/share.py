"""Was the target's share of the processor kept? A neighbour takes all it can get, and users notice nothing.

Processor time that nobody promised may still be had, as long as nobody else wants it: without a request, users who were
served prove nothing.
"""

from collections.abc import Iterator

from chaos.judging.endings import ends_of
from chaos.judging.history import History, Objectives, after, at, container
from chaos.judging.neighbours import how_it_ended
from chaos.judging.signals import about
from chaos.judging.steady import served, summary, unkept
from chaos.judging.unharmed import neighbours_unharmed
from chaos.judging.verdict import Criterion, Evidence
from chaos.recording import Fault

MILLI = 1000


def judge(past: History, wanted: Objectives) -> list[Criterion]:
    """For recordings that raise no doubts, and so have seen the hog burn beside the target."""
    return [_kept(past, wanted), _alive(past, wanted), neighbours_unharmed(past, wanted)]


def _kept(past: History, wanted: Objectives) -> Criterion:
    name, looks = "share kept", _looks(past)
    burning = [look for look in looks if look.ok]
    beside = past.between(burning[0].t, past.phases["fault"].end)
    got, missed = served(beside, wanted.timeout), unkept(beside, wanted.promise, wanted.timeout)
    asked = _requests(past, wanted)
    who = f"each pod of {wanted.target} asks for {_said(asked)}"
    seen = f"{burning[0].detail}; so it was at {len(burning)} of {len(looks)} looks"
    evidence = (Evidence(t=burning[0].t, source="Pod/hog", text=seen),)
    if missed:
        text = f"{who}, and beside the hog users got: {'; '.join(missed)}"
        return Criterion(name=name, verdict="broke", text=text, evidence=evidence)
    if not asked or not all(asked.values()):
        text = f"{who}: what users got beside the hog, {summary(got)}, nobody had promised"
        return Criterion(name=name, verdict="not_proven", text=text, evidence=evidence)
    if len(burning) < len(looks) / 2:
        text = f"the hog burned at {len(burning)} of {len(looks)} looks alone, which is no long hunger"
        return Criterion(name=name, verdict="not_proven", text=text, evidence=evidence)
    return Criterion(name=name, verdict="held", text=f"{who}; beside the hog: {summary(got)}", evidence=evidence)


def _looks(past: History) -> list[Fault]:
    """What the witness saw from the injection on; where there are no doubts, it saw the hog burn at least once."""
    return [f for f in past.faults if f.step == "witness" and f.t >= past.injected_at]


def _requests(past: History, wanted: Objectives) -> dict[str, float]:
    """The cores that each container of the target asked for when the fault came, by the API server's own completion."""
    pods = [at(seen, past.just_before) for seen in past.pods(wanted.target).values()]
    return {c["name"]: float(c.get("cpu_request") or 0) for pod in pods if pod for c in pod.get("containers") or ()}


def _said(asked: dict[str, float]) -> str:
    unsaid = sorted(name for name, cores in asked.items() if not cores)
    if unsaid or not asked:
        return f"no processor time ({'container ' + ', '.join(unsaid) if unsaid else 'none was seen'})"
    return f"{sum(asked.values()) * MILLI:.0f}m"


def _alive(past: History, wanted: Objectives) -> Criterion:
    """A probe that starves is no sign of an ill program: a liveness kill for it is harm done by the neighbour."""
    name, ends, kills = "kept running", list(_ends(past, wanted)), list(_kills(past, wanted))
    if ends:
        shot = f"; {len(kills)} by a liveness probe that got no answer in time" if kills else ""
        text = f"containers of {wanted.target} ended {len(ends)} time{'s' * (len(ends) != 1)} beside the hog{shot}"
        evidence = tuple(sorted([*ends, *kills], key=lambda e: e.t or 0.0))
        return Criterion(name=name, verdict="broke", text=text, evidence=evidence)
    if not past.pods(wanted.target):
        return Criterion(name=name, verdict="not_proven", text=f"no pod of {wanted.target} was observed")
    return Criterion(name=name, verdict="held", text=f"no container of {wanted.target} ended or was restarted")


def _kills(past: History, wanted: Objectives) -> Iterator[Evidence]:
    for pod in past.pods(wanted.target):
        for s in about(past, pod, past.injected_at):
            message = str(s.object.get("message", ""))
            if s.object.get("reason") == "Killing" and "liveness probe" in message:
                yield Evidence(t=s.t, source=f"Pod/{pod}", text=f"Killing: {message}")


def _ends(past: History, wanted: Objectives) -> Iterator[Evidence]:
    for pod, seen in past.pods(wanted.target).items():
        before, since = at(seen, past.just_before), after(seen, past.injected_at)
        for name in dict.fromkeys(c["name"] for s in since for c in s.object.get("containers") or ()):
            for t, how in ends_of(since, name, container(before, name)):
                yield Evidence(t=t, source=f"Pod/{pod}", text=f"container {name} ended: {how_it_ended(how)}")
