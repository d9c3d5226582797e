"""Did health checks leave the target alone while something that it depends on was slow? A restart cures nothing then.

What a probe did is told by the kubelet's event alone: a container that ran out of memory, or ended by itself, is not
blamed on one. And that nothing was restarted means something only where the target was seen to suffer.
"""

from chaos.judging.history import History, Obj, Objectives, Sighting, after, at
from chaos.judging.signals import about
from chaos.judging.steady import regained_at, unkept
from chaos.judging.verdict import Criterion, Evidence, VerdictName

BY_PROBE = ("failed liveness probe", "failed startup probe")


def judge(past: History, wanted: Objectives) -> list[Criterion]:
    """Left alone, back with its dependency: for recordings that raise no doubts."""
    return [_left_alone(past, wanted), _back(past, wanted)]


def _left_alone(past: History, wanted: Objectives) -> Criterion:
    name, pods = "left alone", _struck(past, wanted)
    kills = [kill for pod in pods for kill in _kills(past, pod)]
    if not pods:
        text = f"no Ready pod of {wanted.target} was seen before the fault"
        return Criterion(name=name, verdict="not_proven", text=text)
    if not _elsewhere(past, pods):
        text = f"the fault was done to {wanted.target} itself, and to nothing that it depends on"
        return Criterion(name=name, verdict="not_proven", text=text)
    if kills:
        hit = {str(kill.object["about"]) for kill in kills}
        evidence = tuple(Evidence(t=k.t, source=str(k.object["about"]), text=_said(k)) for k in kills)
        text = f"probes ended containers in {len(hit)} of {len(pods)} pods of {wanted.target} for another's slowness"
        return Criterion(name=name, verdict="broke", text=text, evidence=evidence)
    return _spared(past, wanted, pods)


def _spared(past: History, wanted: Objectives, pods: list[str]) -> Criterion:
    """No probe ended anything: is it known why each container that ended did, and was the slowness felt at all?"""
    name, unclaimed = "left alone", [pod for pod in pods if _ended_unexplained(past, pod)]
    if unclaimed:
        text = f"containers of {', '.join(unclaimed)} ended, and no event says why"
        return Criterion(name=name, verdict="not_proven", text=text)
    felt = _felt(past, wanted, pods)
    if not felt:
        text = f"neither the health checks of {wanted.target} nor its users noticed, so nothing was tried"
        return Criterion(name=name, verdict="not_proven", text=text)
    text = f"no probe ended a container of the {len(pods)} pods of {wanted.target}, though the slowness reached it"
    slow = next(f for f in past.faults if f.step == "witness" and f.ok)
    seen = Evidence(t=slow.t, source="fault", text=slow.detail)
    return Criterion(name=name, verdict="held", text=text, evidence=(seen, *felt))


def _struck(past: History, wanted: Objectives) -> list[str]:
    """The target's pods that were Ready when the fault came."""
    pods = ((name, at(sightings, past.phases["fault"].begin)) for name, sightings in past.of("Pod"))
    return sorted(name for name, pod in pods if pod and pod.get("app") == wanted.target and pod.get("ready"))


def _elsewhere(past: History, pods: list[str]) -> bool:
    return all(not set(pods) & set(injection.data.get("pods") or ()) for injection in past.injections)


def _kills(past: History, pod: str) -> list[Sighting]:
    events = (e for e in about(past, pod, past.injected_at, past.end) if e.object.get("reason") == "Killing")
    return [event for event in events if any(words in str(event.object.get("message")) for words in BY_PROBE)]


def _ended_unexplained(past: History, pod: str) -> bool:
    """Whether a container of the pod was restarted for anything but its memory."""
    sightings = past.pod(pod)
    before = {c["name"]: c.get("restarts", 0) for c in (at(sightings, past.just_before) or {}).get("containers") or ()}
    later = (c for s in after(sightings, past.injected_at) for c in s.object.get("containers") or ())
    again = [c for c in later if c.get("restarts", 0) > before.get(c["name"], 0)]
    return any(_reason(c) != "OOMKilled" for c in again)


def _reason(container: Obj) -> str:
    return str(((container.get("last") or {}).get("terminated") or {}).get("reason", ""))


def _felt(past: History, wanted: Objectives, pods: list[str]) -> tuple[Evidence, ...]:
    """The first sign that the slowness reached the target: a probe that failed, or users who were failed."""
    end = past.phases["fault"].end
    events = (e for pod in pods for e in about(past, pod, past.injected_at, end))
    first = min((e for e in events if e.object.get("reason") == "Unhealthy"), key=lambda e: e.t, default=None)
    missed = unkept(past.within("fault"), wanted.promise, wanted.timeout)
    found = (Evidence(t=first.t, source=str(first.object["about"]), text=_said(first)),) if first else ()
    return (*found, *(Evidence(t=past.injected_at, source="load", text=text) for text in missed))


def _said(event: Sighting) -> str:
    return f"{event.object['reason']}: {event.object.get('message', '')}"


def _back(past: History, wanted: Objectives) -> Criterion:
    """What users are failed for while the dependency is slow is forgiven, and not once it is well again."""
    well, end = past.phases["fault"].end, past.end
    seconds = [s for s in past.between(well, end) if s.t + 1 <= end]
    back = regained_at(seconds, wanted.promise, wanted.timeout)
    took = max(0.0, (end if back is None else back) - well)
    had = "did not have" if back is None else "had"
    text = f"users {had} their steady state back {took:.1f} s after the dependency (asked: {wanted.recover:g} s)"
    waiting = [pod for pod in _struck(past, wanted) if _waits(past, pod, well)]
    if waiting:
        text = f"{len(waiting)} pods waited for their next restart when the dependency was well again; {text}"
    verdict: VerdictName = "broke" if waiting or took > wanted.recover else "not_proven" if back is None else "held"
    evidence = tuple(Evidence(t=well, source=f"Pod/{pod}", text="waits for its next restart") for pod in waiting)
    return Criterion(name="back with its dependency", verdict=verdict, text=text, evidence=evidence)


def _waits(past: History, pod: str, t: float) -> bool:
    """Whether a probe ended the pod's container, and the kubelet let it wait before starting it again."""
    now = at(past.pod(pod), t) or {}
    down = any("running" not in (c.get("state") or {}) for c in now.get("containers") or ())
    return down and any(kill.t <= t for kill in _kills(past, pod))
