"""What the cluster let on: events about pods, and the first sign of a fault."""

from collections.abc import Iterator

from chaos.judging.history import FOREVER, History, Objectives, Sighting, after, at
from chaos.judging.neighbours import harms, pods_of, reign_end, targets_of
from chaos.judging.verdict import Evidence

# Events by which a cluster says that something is wrong with a pod or node.
TELLING = ("Unhealthy", "Killing", "BackOff", "Evicted", "SystemOOM", "OOMKilling", "FailedScheduling", "NodeNotReady")


def about(past: History, pod: str, begin: float, end: float = FOREVER) -> list[Sighting]:
    """The events about a pod that were written or repeated in a time, oldest first."""
    found = (s for _, sightings in past.of("Event") for s in after(sightings, begin, end))
    return sorted((s for s in found if s.object.get("about") == f"Pod/{pod}"), key=lambda s: s.t)


def first_signal(past: History, wanted: Objectives) -> Evidence | None:
    """The first thing that anybody watching the cluster, but not the users, could have seen of the fault.

    It shows in the pods it was done to, or in those of the target that depend on them.
    """
    return min(_signals(past, wanted), key=lambda e: e.t or 0.0, default=None)


def _signals(past: History, wanted: Objectives) -> Iterator[Evidence]:
    if "fault" not in past.phases:
        return
    for injection in past.injections:
        end = reign_end(past, injection)
        for pod in sorted(targets_of(past, injection) | pods_of(past, wanted.target)):
            yield from _signals_of(past, pod, injection.t, end)
    yield from _alerts(past)
    for evidence in harms(past).values() if past.injections else ():
        yield from (e for e in evidence if e.t is not None and e.t <= past.phases["fault"].end)


def _alerts(past: History) -> Iterator[Evidence]:
    """The workload's own monitoring counts too: an alert that was not firing before."""
    states = [(a.t, a.data.get("state"), a.detail) for a in past.asked if a.source == "prometheus" and a.ok]
    if all(state != "firing" for t, state, _ in states if t < past.injected_at):
        fired = ((t, said) for t, state, said in states if state == "firing" and t <= past.phases["fault"].end)
        yield from (Evidence(t=t, source="Prometheus", text=said) for t, said in fired)


def _signals_of(past: History, pod: str, begin: float, end: float) -> Iterator[Evidence]:
    for s in about(past, pod, begin, end):
        if s.object.get("reason") in TELLING:
            yield Evidence(t=s.t, source="Event", text=f"{s.object['reason']}: {s.object.get('message', '')}")
    sightings = past.pod(pod)
    if (at(sightings, begin) or {}).get("ready"):
        for s in after(sightings, begin, end):
            if not s.object.get("ready"):
                yield Evidence(t=s.t, source=f"Pod/{pod}", text="no longer Ready")
