"""Did the health checks tell the truth? The hung pod leaves the endpoints, is restarted for it, and users get well
again while the fault is still there. A slow dependency and a cold start ask them other questions.

Only what happens before the recovery counts: after it, the run itself has healed the pod.
"""

from collections.abc import Callable
from typing import NamedTuple

from chaos.judging import cascade, cold_start
from chaos.judging.endings import endings, injured
from chaos.judging.endpoints import ready_endpoints
from chaos.judging.history import History, Objectives, after, container, ended
from chaos.judging.neighbours import how_it_ended, reign_end
from chaos.judging.signals import about
from chaos.judging.steady import failed_users, regained_at
from chaos.judging.verdict import Criterion, Evidence, VerdictName, worst
from chaos.recording import Fault

_BY_FAULT = {"latency": cascade.judge, "cold-start": cold_start.judge}


class Answer(NamedTuple):
    """A criterion's answer for one pod."""

    verdict: VerdictName
    text: str
    evidence: tuple[Evidence, ...] = ()


def judge(past: History, wanted: Objectives) -> list[Criterion]:
    """Noticed, restarted, users served, or what the fault asks instead: for recordings that raise no doubts."""
    if ask := _BY_FAULT.get(past.injections[0].fault):
        return ask(past, wanted)
    return [
        _each("noticed", past, wanted, _noticed),
        _each("restarted", past, wanted, _restarted),
        _users(past, wanted),
    ]


def _each(
    name: str, past: History, wanted: Objectives, ask: Callable[[History, Objectives, Fault], Answer]
) -> Criterion:
    answers = [ask(past, wanted, injection) for injection in past.injections]
    verdict = worst(a.verdict for a in answers)
    text = "; ".join(a.text for a in answers if a.verdict == verdict)
    return Criterion(name=name, verdict=verdict, text=text, evidence=tuple(e for a in answers for e in a.evidence))


def left_endpoints_at(past: History, injection: Fault, service: str) -> float | None:
    """When the pod was no longer a ready endpoint, within the fault phase; None when it stayed.

    Raises LookupError when it was no ready endpoint to begin with.
    """
    until = reign_end(past, injection)
    if injection.target not in ready_endpoints(past, service, injection.t):
        raise LookupError(f"{injection.target} was no ready endpoint of {service} when the fault came")
    times = [s.t for _, sightings in past.of("EndpointSlice") for s in after(sightings, injection.t, until)]
    return next((t for t in sorted(times) if injection.target not in ready_endpoints(past, service, t)), None)


def _noticed(past: History, wanted: Objectives, injection: Fault) -> Answer:
    pod, until = injection.target, reign_end(past, injection)
    try:
        left = left_endpoints_at(past, injection, wanted.service)
    except LookupError as error:
        return Answer("not_proven", str(error))
    if left is None:
        text = (
            f"{pod} still got its share of the traffic of {wanted.service} {until - injection.t:.0f} s after the fault"
        )
        return Answer("broke", text)
    gone = Evidence(t=left, source="EndpointSlice", text=f"{pod} is no longer a ready endpoint of {wanted.service}")
    unhealthy = [s for s in about(past, pod, injection.t, until) if s.object.get("reason") == "Unhealthy"]
    if not unhealthy:
        return Answer("not_proven", f"{pod} left the endpoints, but no Unhealthy event says why", (gone,))
    told = Evidence(t=unhealthy[0].t, source="Event", text=f"Unhealthy: {unhealthy[0].object.get('message', '')}")
    took = left - injection.t
    if took > wanted.detect:
        return Answer(
            "broke", f"{pod} left the endpoints after {took:.1f} s, not within {wanted.detect:g} s", (told, gone)
        )
    return Answer("held", f"{pod} left the endpoints after {took:.1f} s, within {wanted.detect:g} s", (told, gone))


def _restarted(past: History, wanted: Objectives, injection: Fault) -> Answer:
    pod, until = injection.target, reign_end(past, injection)
    ends = [(t, how) for t, how in endings(past, injection) if t <= until]
    kills = [
        s
        for s in about(past, pod, injection.t, until)
        if s.object.get("reason") == "Killing" and "liveness probe" in str(s.object.get("message"))
    ]
    evidence = tuple(Evidence(t=s.t, source="Event", text=f"Killing: {s.object['message']}") for s in kills[:1])
    evidence += tuple(Evidence(t=t, source=f"Pod/{pod}", text=f"container ended: {how_it_ended(h)}") for t, h in ends)
    if any(how.get("reason") == "OOMKilled" for _, how in ends):
        return Answer("broke", f"{pod} was ended by its memory, not by a probe", evidence)
    if not ends:
        waited = f"{until - injection.t:.0f} s after the fault"
        return Answer("broke", f"{pod} {'was told to end but' if kills else ''} had not restarted {waited}", evidence)
    if not kills:
        return Answer("not_proven", f"{pod} restarted, but no Killing event names the liveness probe", evidence)
    return _ready_again(past, wanted, injection, evidence)


def _ready_again(past: History, wanted: Objectives, injection: Fault, evidence: tuple[Evidence, ...]) -> Answer:
    pod, until = injection.target, reign_end(past, injection)
    same, before = injured(past, injection)
    back = next((s for s in same if s.t <= until and _fresh(s.object, injection, before["restarts"])), None)
    if back is None:
        return Answer("broke", f"{pod} was ended, but was not Ready again before the recovery", evidence)
    took = back.t - injection.t
    evidence += (Evidence(t=back.t, source=f"Pod/{pod}", text="Ready again"),)
    if took > wanted.recover:
        return Answer("broke", f"{pod} was Ready again after {took:.1f} s, not within {wanted.recover:g} s", evidence)
    return Answer("held", f"the liveness probe restarted {pod}; Ready again after {took:.1f} s", evidence)


def _fresh(pod: dict[str, object], injection: Fault, restarts: int) -> bool:
    now = container(pod, injection.data.get("container", ""))
    return bool(pod.get("ready")) and now.get("restarts", 0) > restarts and not ended(now.get("state"))


def _users(past: History, wanted: Objectives) -> Criterion:
    name, end = "users served", past.phases["fault"].end
    seconds = past.between(past.injected_at, end)
    room = end - past.injected_at
    failed = sum(failed_users(s, wanted.promise) for s in seconds)
    seen = (Evidence(t=past.injected_at, source="load", text=f"{failed} of {len(seconds)} seconds failed users"),)
    back = regained_at(seconds, wanted.promise, wanted.timeout)
    if back is None and room < wanted.recover:
        text = f"the fault lasted {room:.0f} s, too short to see a recovery within {wanted.recover:g} s"
        return Criterion(name=name, verdict="not_proven", text=text, evidence=seen)
    if back is None:
        text = f"users did not get their steady state back in {room:.0f} s of fault"
        return Criterion(name=name, verdict="broke", text=text, evidence=seen)
    took = max(0.0, back - past.injected_at)
    if took > wanted.recover:
        text = f"users had their steady state back after {took:.1f} s, not within {wanted.recover:g} s"
        return Criterion(name=name, verdict="broke", text=text, evidence=seen)
    text = f"users had their steady state back {took:.1f} s after the fault, while it was still there"
    return Criterion(name=name, verdict="held", text=text, evidence=seen)
