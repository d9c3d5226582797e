"""Did a rollout keep to one writer at a time, and is every order where its customer was told it would be?

That two programs had one volume at once is judged by what the cluster showed of their pods: it is wrong also on the day
on which nothing comes of it. That nothing is missing is judged by what the last pod gave back, and only by that.
"""

from collections.abc import Iterator

from chaos.judging.history import History, Obj, Objectives, Sighting
from chaos.judging.verdict import Criterion, Evidence, VerdictName
from chaos.recording import Fault


def judge(past: History, wanted: Objectives) -> list[Criterion]:
    """One writer, numbers given once, records found, back in time: for recordings that raise no doubts."""
    injection, end = past.injections[0], past.phases["fault"].end
    since = [f for f in past.faults if injection.t <= f.t <= end and f.target == injection.target]
    looks = [f for f in since if f.step == "witness" and f.ok and isinstance(f.data.get("found"), int)]
    numbers = [n for f in since if f.step in ("inject", "act") for n, _ in f.data.get("acknowledged") or ()]
    return [
        _one_writer(past, wanted),
        _once(numbers),
        _found(numbers, looks),
        _back(injection, looks, end, wanted),
    ]


def _one_writer(past: History, wanted: Objectives) -> Criterion:
    name, target = "one writer", wanted.target
    seen = list(_sightings(past, target))
    shared = {c for _, s in seen for c in s.object.get("claims") or ()}
    if not shared:
        return Criterion(name=name, verdict="not_proven", text=f"no pod of {target} was seen to mount a claim")
    for t, claim, pods in _together(seen):
        text = f"{' and '.join(pods)} ran at once, and both had claim {claim}"
        evidence = (Evidence(t=t, source=f"Pod/{pods[-1]}", text=f"runs, with claim {claim}"),)
        return Criterion(name=name, verdict="broke", text=text, evidence=evidence)
    text = f"never more than one pod of {target} ran with claim {', '.join(sorted(shared))}"
    return Criterion(name=name, verdict="held", text=text)


def _sightings(past: History, target: str) -> Iterator[tuple[str, Sighting]]:
    """Of the target's pods until the end of the fault, in the order in which they were made."""
    end = past.phases["fault"].end
    found = ((name, s) for name, seen in past.of("Pod") for s in seen if s.object.get("app") == target and s.t <= end)
    return iter(sorted(found, key=lambda pair: pair[1].t))


def _together(seen: list[tuple[str, Sighting]]) -> Iterator[tuple[float, str, list[str]]]:
    """The moments at which two pods ran with the same claim."""
    running: dict[str, Obj] = {}
    for name, sighting in seen:
        running.pop(name, None)
        if sighting.event != "DELETED" and _runs(sighting.object):
            running[name] = sighting.object
        for claim in sighting.object.get("claims") or ():
            pods = [n for n, pod in running.items() if claim in (pod.get("claims") or ())]
            if len(pods) > 1:
                yield sighting.t, claim, pods


def _runs(pod: Obj) -> bool:
    return any("running" in (c.get("state") or {}) for c in pod.get("containers") or ())


def _once(numbers: list[int]) -> Criterion:
    name, doubled = "numbers given once", len(numbers) - len(set(numbers))
    if not numbers:
        return Criterion(name=name, verdict="not_proven", text="no record was acknowledged")
    verdict: VerdictName = "broke" if doubled else "held"
    text = f"of {len(numbers)} acknowledged records {doubled or 'none'} got a number that another had"
    return Criterion(name=name, verdict=verdict, text=text)


def _found(numbers: list[int], looks: list[Fault]) -> Criterion:
    name = "records found"
    if not numbers or not looks:
        text = f"nobody could be asked for the {len(numbers)} acknowledged records after the rollout"
        return Criterion(name=name, verdict="not_proven", text=text)
    found = int(looks[-1].data["found"])
    verdict: VerdictName = "held" if found == len(numbers) else "broke"
    text = f"{found} of {len(numbers)} acknowledged records were found under their numbers after the rollout"
    return Criterion(name=name, verdict=verdict, text=text, evidence=_told(looks[-1]))


def _back(injection: Fault, looks: list[Fault], end: float, wanted: Objectives) -> Criterion:
    name, waited = "back in time", end - injection.t
    if looks:
        took = looks[0].t - injection.t
        verdict: VerdictName = "held" if took <= wanted.recover else "broke"
        text = f"the rollout was over and the data served after {took:.1f} s (asked: {wanted.recover:g} s)"
        return Criterion(name=name, verdict=verdict, text=text, evidence=_told(looks[0]))
    text = f"the rollout was not over after {waited:.1f} s (asked: {wanted.recover:g} s)"
    return Criterion(name=name, verdict="broke" if waited > wanted.recover else "not_proven", text=text)


def _told(look: Fault) -> tuple[Evidence, ...]:
    return (Evidence(t=look.t, source="fault", text=look.detail),)
