"""Who else was hurt: everything that happened after the fault to pods it was not meant for."""

from collections.abc import Iterator

from chaos.judging.history import History, Obj, Sighting, after, at, container, ended
from chaos.judging.verdict import Evidence
from chaos.recording import Fault

UNDO_SECONDS = 0.5


def bystanders(past: History) -> dict[str, list[Sighting]]:
    """Every pod of the variant that the fault was not done to, seen before the end."""
    struck = targets(past)
    return {name: sightings for name, sightings in past.of("Pod") if name not in struck}


def targets(past: History) -> set[str]:
    """Every pod that the fault was done to: itself, with its node, or with the whole workload."""
    return {pod for injection in past.injections for pod in targets_of(past, injection)}


def targets_of(past: History, injection: Fault) -> set[str]:
    return pods_of(past, injection.target) | {injection.target, *(injection.data.get("pods") or ())}


def pods_of(past: History, app: str) -> set[str]:
    """Every pod of a workload that was ever seen."""
    return {name for name, sightings in past.of("Pod") if sightings[-1].object.get("app") == app}


def harms(past: History) -> dict[str, list[Evidence]]:
    """The pods that were killed, restarted, evicted or removed after the fault, each with what was seen."""
    found = {name: list(_harms(past, name, sightings)) for name, sightings in bystanders(past).items()}
    return {name: evidence for name, evidence in found.items() if evidence}


def _harms(past: History, name: str, sightings: list[Sighting]) -> Iterator[Evidence]:
    before = at(sightings, past.just_before)
    told: set[str] = set()
    for sighting in after(sightings, past.injected_at):
        for text in _hurts(sighting, before):
            if text not in told:
                told.add(text)
                yield Evidence(t=sighting.t, source=f"Pod/{name}", text=text)


def _hurts(sighting: Sighting, before: Obj | None) -> Iterator[str]:
    pod = sighting.object
    if pod.get("phase") == "Failed":
        yield f"failed: {pod.get('reason') or 'its containers ended'}"
    elif removed(sighting):
        yield "was removed"
    for now in pod.get("containers") or ():
        then = container(before, now["name"])
        ending = ended(now.get("state"))
        if now.get("restarts", 0) > then.get("restarts", 0):
            yield f"container {now['name']} restarted: {how_it_ended(ended(now.get('last')))}"
        elif ending.get("exitCode", 0) != 0 and not ended(then.get("state")):
            yield f"container {now['name']} ended: {how_it_ended(ending)}"


def removed(sighting: Sighting) -> bool:
    """Whether a pod is on its way out, or gone."""
    return bool(sighting.object.get("deleting")) or sighting.event == "DELETED"


def reign_end(past: History, injection: Fault) -> float:
    """Until when the fault was left alone: the end of its phase, or just before the undo removed the pod.

    The watches are not in step with each other, so what is seen within half a second of a removal belongs to it.
    """
    end = past.phases["fault"].end
    removals = (s.t for s in after(past.pod(injection.target), injection.t) if removed(s))
    return min(end, next(removals, end + UNDO_SECONDS) - UNDO_SECONDS)


def how_it_ended(terminated: Obj) -> str:
    """`OOMKilled, exit code 137`; says so when the reason is not known."""
    if not terminated:
        return "why is not recorded"
    return f"{terminated.get('reason') or 'no reason given'}, exit code {terminated.get('exitCode')}"


def unready(past: History, app: str) -> list[Evidence]:
    """When pods of a workload that were Ready before the fault were not Ready after it."""
    return [
        Evidence(t=sighting.t, source=f"Pod/{name}", text="was not Ready")
        for name, sightings in bystanders(past).items()
        if sightings[-1].object.get("app") == app
        and (at(sightings, past.just_before) or {}).get("ready")
        and (sighting := next((s for s in after(sightings, past.injected_at) if not s.object.get("ready")), None))
    ]


def was_ready(past: History, app: str) -> bool:
    """Whether some pod of a workload was seen Ready just before the fault."""
    pods = (at(sightings, past.just_before) for _, sightings in past.of("Pod"))
    return any(pod is not None and pod.get("app") == app and pod.get("ready") for pod in pods)
