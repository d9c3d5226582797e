"""Did replicas, spread and budget hold? Somebody serves at every moment, users get what they were promised, and what
was asked of the workload (to leave a node, to take a new revision) comes to its right end.

A refusal of the eviction API is no failure as long as the drain completes; a drain that is refused for ever is one.
Only an eviction asks a budget: a pod that was deleted by force, or by a rollout, proves nothing about it.
"""

from chaos.judging.disruption import budget_kept, emptied
from chaos.judging.endpoints import ready_endpoints
from chaos.judging.history import History, Objectives, after, at
from chaos.judging.rollout import stopped, visible
from chaos.judging.steady import failed_users, regained_at, served, shortfalls, summary, unkept
from chaos.judging.verdict import Criterion, Evidence
from chaos.promise import SteadyState

# What somebody decided to do; users must not notice it at all. Anything else comes unasked: they may, for a moment.
PLANNED = ("node-drain", "bad-rollout", "cold-start")


def judge(past: History, wanted: Objectives) -> list[Criterion]:
    """For recordings that raise no doubts; which criteria there are depends on what the fault asked of the workload."""
    fault = past.injections[0].fault
    if fault == "crash-loop":
        # It keeps its pods from coming back; how many there are again says nothing of the others.
        return [always_served(past, wanted), served_throughout(past, wanted)]
    common = [always_served(past, wanted), users_served(past, wanted)]
    if fault == "node-drain":
        return [emptied(past), budget_kept(past, wanted), *common, replaced(past, wanted)]
    if fault == "bad-rollout":
        return [stopped(past, wanted), visible(past, wanted), *common]
    return [*common, replaced(past, wanted)]


def always_served(past: History, wanted: Objectives) -> Criterion:
    """At least one ready endpoint at every moment of the fault."""
    name, begin, end = "always served", past.just_before, past.phases["fault"].end
    if not ready_endpoints(past, wanted.service, begin):
        text = f"{wanted.service} was not seen to have a ready endpoint when the fault came"
        return Criterion(name=name, verdict="not_proven", text=text)
    times = sorted({begin, *(s.t for _, seen in past.of("EndpointSlice") for s in after(seen, begin, end))})
    counts = [(t, len(ready_endpoints(past, wanted.service, t))) for t in times]
    none = next((t for t, count in counts if not count), None)
    if none is None:
        least = min(count for _, count in counts)
        text = f"{wanted.service} never had fewer than {least} ready endpoint{'s' * (least != 1)}"
        return Criterion(name=name, verdict="held", text=text)
    seen = Evidence(t=none, source="EndpointSlice", text=f"{wanted.service} has no ready endpoint")
    text = f"{wanted.service} had no ready endpoint {max(0.0, none - past.injected_at):.1f} s after the fault"
    return Criterion(name=name, verdict="broke", text=text, evidence=(seen,))


def users_served(past: History, wanted: Objectives) -> Criterion:
    """What was planned loses no more requests than the promise allows at any time; being slow for a moment, while pods
    start, is forgiven within the time to recover. Of what was not planned, losses are too.
    """
    begin, end = past.injected_at, past.phases["fault"].end
    seconds = past.between(begin, end)
    got = served(seconds, wanted.timeout)
    failed = sum(failed_users(s, wanted.promise) for s in seconds)
    text = f"{failed} of {len(seconds)} seconds failed users; {summary(got)}"
    seen = (Evidence(t=begin, source="load", text=text),)
    lost = shortfalls(got, SteadyState(availability=wanted.promise.availability)) if wanted.promise.availability else []
    if past.injections[0].fault in PLANNED and lost:
        return Criterion(
            name="users served", verdict="broke", text=f"users during it: {'; '.join(lost)}", evidence=seen
        )
    return _regained(past, wanted, end - begin, seen)


def served_throughout(past: History, wanted: Objectives) -> Criterion:
    """What strikes again and again has no moment from which users recover: the promise is kept over all of it, or not.

    Counted from the first blow, a single request lost to the last one would look like a recovery that took as long.
    """
    begin = past.injected_at
    seconds = past.between(begin, past.phases["fault"].end)
    got, missed = served(seconds, wanted.timeout), unkept(seconds, wanted.promise, wanted.timeout)
    seen = (Evidence(t=begin, source="load", text=summary(got)),)
    if missed:
        text = f"users over all of it: {'; '.join(missed)}"
        return Criterion(name="users served", verdict="broke", text=text, evidence=seen)
    return Criterion(name="users served", verdict="held", text=f"users over all of it: {summary(got)}", evidence=seen)


def _regained(past: History, wanted: Objectives, room: float, seen: tuple[Evidence, ...]) -> Criterion:
    name, begin = "users served", past.injected_at
    back = regained_at(past.between(begin, begin + room), wanted.promise, wanted.timeout)
    if back is None and room < wanted.recover:
        text = f"the fault lasted {room:.0f} s, too short to see a recovery within {wanted.recover:g} s"
        return Criterion(name=name, verdict="not_proven", text=text, evidence=seen)
    if back is None:
        text = f"users did not get their steady state back in {room:.0f} s of fault"
        return Criterion(name=name, verdict="broke", text=text, evidence=seen)
    took = max(0.0, back - begin)
    if took > wanted.recover:
        text = f"users had their steady state back {took:.1f} s after the fault, not within {wanted.recover:g} s"
        return Criterion(name=name, verdict="broke", text=text, evidence=seen)
    text = f"users had their steady state {took:.1f} s after the fault, while it was still there"
    return Criterion(name=name, verdict="held", text=text, evidence=seen)


def ready_pods(past: History, app: str, t: float) -> set[str]:
    """The pods of a workload that were Ready and not on their way out."""
    pods = ((name, at(sightings, t)) for name, sightings in past.of("Pod"))
    return {name for name, p in pods if p and p.get("app") == app and p.get("ready") and not p.get("deleting")}


def replaced(past: History, wanted: Objectives) -> Criterion:
    """As many Ready pods again as before, while the fault was still there."""
    name, begin, end = "replaced", past.injected_at, past.phases["fault"].end
    before = len(ready_pods(past, wanted.target, past.just_before))
    if not before:
        text = f"no Ready pod of {wanted.target} was seen before the fault"
        return Criterion(name=name, verdict="not_proven", text=text)
    times = sorted({begin, end, *(s.t for _, seen in past.of("Pod") for s in after(seen, begin, end))})
    short = [t for t in times if len(ready_pods(past, wanted.target, t)) < before]
    now = len(ready_pods(past, wanted.target, end))
    if now < before:
        text = f"{wanted.target} had {now} Ready pods of {before} at the end of the fault"
        return Criterion(name=name, verdict="broke", text=text)
    if not short:
        text = f"{wanted.target} had {_ready(before)} all the time"
        return Criterion(name=name, verdict="held", text=text)
    back = next(t for t in times if t > short[-1])
    seen = Evidence(t=back, source=wanted.target, text=f"{_ready(before)} again")
    text = f"{wanted.target} had {_ready(before)} again {back - begin:.1f} s after the fault"
    return Criterion(name=name, verdict="held", text=text, evidence=(seen,))


def _ready(count: int) -> str:
    return f"{count} Ready pod{'s' * (count != 1)}"
