"""Did an autoscaler's ceiling hold? What a storm may buy, and what was bought: pods and their requests over time.

A ceiling is proven by having been reached: the autoscaler wanted more, said so (ScalingLimited, TooManyReplicas), and
got no more, while users had what they were promised. One that nobody came near proves nothing, unless it is none.
"""

from chaos.judging.history import History, Obj, Objectives, Sighting, after, at
from chaos.judging.steady import served, summary, unkept
from chaos.judging.verdict import Criterion, Evidence

NO_CEILING_TIMES = 10
"""A ceiling of more than so many times the floor is none: nobody has asked what it would cost."""
KIND = "HorizontalPodAutoscaler"
THOUSAND = 1000


def autoscaler(past: History, wanted: Objectives) -> list[Sighting]:
    """What was seen of the target's autoscaler; empty where it has none."""
    return next((seen for _, seen in past.of(KIND) if seen[-1].object.get("target") == wanted.target), [])


def judge(past: History, wanted: Objectives) -> list[Criterion]:
    """For a target with an autoscaler, in a storm of traffic."""
    return [_stopped(past, wanted), _users(past, wanted)]


def _stopped(past: History, wanted: Objectives) -> Criterion:
    seen = after(autoscaler(past, wanted), past.injected_at)
    name, most = "stopped at a ceiling", max(int(s.object.get("most", 0)) for s in autoscaler(past, wanted))
    least = max(1, int(autoscaler(past, wanted)[0].object.get("least", 1)))
    before, peak = pods_at(past, wanted, past.injected_at), most_pods(past, wanted)
    limited = next((s for s in seen if _at_ceiling(s.object)), None)
    grew = f"{wanted.target} grew from {before} to {peak} pods"
    if limited is not None and peak <= most <= NO_CEILING_TIMES * least:
        evidence = (Evidence(t=limited.t, source=f"{KIND} of {wanted.target}", text="ScalingLimited: TooManyReplicas"),)
        return Criterion(
            name=name, verdict="held", text=f"{grew}, and its ceiling of {most} stopped it", evidence=evidence
        )
    if peak <= before:
        return Criterion(name=name, verdict="not_proven", text=f"{wanted.target} never grew beyond {before} pods")
    if most > NO_CEILING_TIMES * least:
        text = f"{grew}, and nothing was to stop it before {most}, {most // least} times its floor of {least}"
        return Criterion(name=name, verdict="broke", text=text, evidence=_growth(past, wanted))
    return Criterion(name=name, verdict="not_proven", text=f"{grew} and was not seen at its ceiling of {most}")


def _at_ceiling(seen: Obj) -> bool:
    limited = (seen.get("conditions") or {}).get("ScalingLimited") or {}
    return bool(limited.get("status") == "True" and limited.get("reason") == "TooManyReplicas")


def _growth(past: History, wanted: Objectives) -> tuple[Evidence, ...]:
    """Each time the autoscaler asked for more pods."""
    found, highest = [], 0
    for sighting in autoscaler(past, wanted):
        desired = int(sighting.object.get("desired", 0))
        if desired > highest and sighting.t >= past.injected_at:
            found.append(Evidence(t=sighting.t, source=f"{KIND} of {wanted.target}", text=f"wants {desired} pods"))
        highest = max(highest, desired)
    return tuple(found)


def _users(past: History, wanted: Objectives) -> Criterion:
    got = served(past.within("recovery"), wanted.timeout)
    missed = unkept(past.within("recovery"), wanted.promise, wanted.timeout)
    text = f"users in the recovery: {'; '.join(missed) or summary(got)}"
    return Criterion(name="users served", verdict="broke" if missed else "held", text=text)


def pods_at(past: History, wanted: Objectives, t: float) -> int:
    return sum(_is_bought(at(seen, t)) for seen in _pods(past, wanted))


def most_pods(past: History, wanted: Objectives) -> int:
    """The most pods of the target that were paid for at one time since the fault."""
    moments = {s.t for seen in _pods(past, wanted) for s in after(seen, past.injected_at)} | {past.injected_at}
    return max(pods_at(past, wanted, t) for t in moments)


def bought(past: History, wanted: Objectives, *, cpu: bool) -> float | None:
    """Pod-seconds, or with `cpu` core-seconds requested, for every thousand requests answered since the fault.

    None without an autoscaler, whose work this is, or without answers.
    """
    answered = sum(s.ok for s in past.between(past.injected_at, past.end) if s.t + 1 <= past.end)
    if not answered or not autoscaler(past, wanted):
        return None
    seconds = sum(_seconds(seen, past, cpu=cpu) for seen in _pods(past, wanted))
    return round(seconds / answered * THOUSAND, 2)


def _pods(past: History, wanted: Objectives) -> list[list[Sighting]]:
    return list(past.pods(wanted.target).values())


def _is_bought(pod: Obj | None) -> bool:
    """Whether a node keeps room for it."""
    return bool(pod and pod.get("node") and pod.get("phase") not in ("Succeeded", "Failed"))


def _seconds(seen: list[Sighting], past: History, *, cpu: bool) -> float:
    """How long a pod was paid for since the fault; with `cpu`, times the cores that it asks for."""
    ends = [*(s.t for s in seen[1:]), past.end]
    return sum(
        max(0.0, end - max(s.t, past.injected_at)) * (_cores(s.object) if cpu else 1.0)
        for s, end in zip(seen, ends, strict=True)
        if s.event != "DELETED" and _is_bought(s.object)
    )


def _cores(pod: Obj) -> float:
    return sum(float(container.get("cpu_request") or 0) for container in pod.get("containers") or ())
