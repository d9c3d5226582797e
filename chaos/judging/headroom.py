"""Do the limits leave room for real traffic? Many times as many users come, and no container dies at its own limit.

An OOM kill is told by its reason. A container that ended for another reason began anew with little memory, so that it
never showed whether it would have fitted.
"""

from typing import NamedTuple

from chaos.judging.endings import ends_of
from chaos.judging.history import History, Obj, Objectives, Sighting, after, at, container
from chaos.judging.neighbours import how_it_ended
from chaos.judging.replicas import users_served
from chaos.judging.steady import served, summary, unkept
from chaos.judging.unharmed import neighbours_unharmed
from chaos.judging.verdict import Criterion, Evidence, worst
from loadgen.units import Size


class _Seen(NamedTuple):
    """One container of the target since the fault."""

    pod: str
    name: str
    limit: int | None
    """Bytes."""
    ends: list[tuple[float, Obj]]

    @property
    def kills(self) -> list[float]:
        return [t for t, how in self.ends if how.get("reason") == "OOMKilled"]


def judge(past: History, wanted: Objectives) -> list[Criterion]:
    """For a storm of traffic on a target without an autoscaler, in recordings that raise no doubts."""
    return [_fits(past, wanted), neighbours_unharmed(past, wanted), _users(past, wanted)]


def _fits(past: History, wanted: Objectives) -> Criterion:
    name, seen = "fits under load", _containers(past, wanted)
    ends = sorted((t, c.pod, how_it_ended(how)) for c in seen for t, how in c.ends)
    evidence = tuple(Evidence(t=t, source=f"Pod/{pod}", text=text) for t, pod, text in ends)
    boundless = sorted({c.name for c in seen if c.limit is None})
    if boundless:
        what = f"{', '.join(boundless)} of {wanted.target} has no memory limit"
        text = f"{what}: nothing but its node says how much it may take"
        return Criterion(name=name, verdict="broke", text=text, evidence=evidence)
    if any(c.kills for c in seen):
        return Criterion(name=name, verdict="broke", text=_killed(past, wanted, seen), evidence=evidence)
    if not seen or any(c.ends for c in seen):
        text = "containers ended otherwise, so whether they fit is not known" if seen else "no container was observed"
        return Criterion(name=name, verdict="not_proven", text=text, evidence=evidence)
    text = f"none of {len(seen)} containers of {wanted.target} was OOMKilled at its limit of {_limits(seen)}"
    return Criterion(name=name, verdict="held", text=text, evidence=_most(past))


def _containers(past: History, wanted: Objectives) -> list[_Seen]:
    return [found for name, seen in past.pods(wanted.target).items() for found in _of_pod(past, name, seen)]


def _of_pod(past: History, pod: str, seen: list[Sighting]) -> list[_Seen]:
    before, since = at(seen, past.just_before), after(seen, past.injected_at)
    latest = since[-1].object if since else before or {}
    return [
        _Seen(pod, c["name"], c.get("memory_limit"), ends_of(since, c["name"], container(before, c["name"])))
        for c in latest.get("containers") or ()
    ]


def _killed(past: History, wanted: Objectives, seen: list[_Seen]) -> str:
    killed = [c for c in seen if c.kills]
    times = sorted(t for c in killed for t in c.kills)
    who = (
        f"{len(killed)} of {len(seen)} containers of {wanted.target} were OOMKilled at their limit of {_limits(killed)}"
    )
    how_often = f"{len(times)} time{'s' * (len(times) != 1)} in all, first after {times[0] - past.injected_at:.1f} s"
    loop = ", and ended in CrashLoopBackOff" if _looped(past, killed) else ""
    return f"{who}, {how_often}{loop}"


def _limits(seen: list[_Seen]) -> str:
    return " and ".join(str(Size(limit)) for limit in sorted({c.limit for c in seen if c.limit is not None}))


def _looped(past: History, killed: list[_Seen]) -> bool:
    """Whether one of them was seen waiting for its next try."""
    states = (
        container(s.object, c.name).get("state") or {} for c in killed for s in after(past.pod(c.pod), past.injected_at)
    )
    return any((state.get("waiting") or {}).get("reason") == "CrashLoopBackOff" for state in states)


def _most(past: History) -> tuple[Evidence, ...]:
    """The most memory that a container was seen to use, where the cluster measures it."""
    looks = [(size, who, f.t) for f in past.faults for who, size in (f.data.get("memory") or {}).items()]
    if not looks:
        return ()
    size, who, t = max(looks)
    return (Evidence(t=t, source="metrics.k8s.io", text=f"{who} used {Size(size)}, the most that was measured"),)


def _users(past: History, wanted: Objectives) -> Criterion:
    """While the many are there, and once they are gone: what ended in a back-off is not back with them."""
    during, got = users_served(past, wanted), served(past.within("recovery"), wanted.timeout)
    missed = unkept(past.within("recovery"), wanted.promise, wanted.timeout)
    text = f"{during.text}; in the recovery: {'; '.join(missed) or summary(got)}"
    verdict = worst([during.verdict, "broke" if missed else "held"])
    return Criterion(name=during.name, verdict=verdict, text=text, evidence=during.evidence)
