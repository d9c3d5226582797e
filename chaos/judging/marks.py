"""What happened in the cluster, as moments on a timeline: events and the turns that pods took."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from chaos.judging.history import History, Obj, Sighting, container, ended
from chaos.judging.neighbours import how_it_ended
from chaos.result import Mark

_BAD_EVENTS = ("Evicted", "SystemOOM", "OOMKilling", "NodeNotReady")
# What every pod's start brings; a timeline full of it hides the storm.
_ROUTINE = ("Scheduled", "Pulled", "Pulling", "Created", "SuccessfulCreate", "ScalingReplicaSet", "SuccessfulDelete")
_ALERT_SEVERITY: dict[str, Literal["info", "warning", "bad"]] = {"pending": "warning", "firing": "bad"}


def marks(past: History) -> tuple[Mark, ...]:
    """Everything worth a mark, oldest first."""
    begin = past.phases["baseline"].begin if "baseline" in past.phases else 0.0
    found = [*_events(past), *_pods(past), *_nodes(past), *_alerts(past)]
    return tuple(sorted((m for m in found if m.t >= begin), key=lambda m: (m.t, m.object, m.text)))


def _events(past: History) -> Iterator[Mark]:
    for _, sightings in past.of("Event"):
        for t, event, obj in sightings:
            reason = str(obj.get("reason", ""))
            if event != "DELETED" and reason not in _ROUTINE:
                text = f"{reason}: {obj.get('message', '')}"
                yield Mark(t=t, severity=_severity(obj, reason), text=text, object=str(obj.get("about", "")))


def _severity(event: Obj, reason: str) -> Literal["info", "warning", "bad"]:
    if reason in _BAD_EVENTS:
        return "bad"
    return "warning" if event.get("type") == "Warning" or reason == "Killing" else "info"


def _pods(past: History) -> Iterator[Mark]:
    for name, sightings in past.of("Pod"):
        for before, now in pairwise(sightings):
            yield from _turns(name, before, now)


def _turns(name: str, before: Sighting, now: Sighting) -> Iterator[Mark]:
    about = f"Pod/{name}"
    if now.event == "DELETED":
        yield Mark(t=now.t, severity="info", text="gone", object=about)
        return
    if before.object.get("ready") and not now.object.get("ready"):
        yield Mark(t=now.t, severity="warning", text="no longer Ready", object=about)
    if now.object.get("ready") and not before.object.get("ready"):
        yield Mark(t=now.t, severity="info", text="Ready", object=about)
    if now.object.get("phase") == "Failed" and before.object.get("phase") != "Failed":
        yield Mark(t=now.t, severity="bad", text=f"failed: {now.object.get('reason', '')}", object=about)
    for status in now.object.get("containers") or ():
        how = _new_ending(container(before.object, status["name"]), status)
        if how is not None:
            text = f"container {status['name']} ended: {how_it_ended(how)}"
            yield Mark(t=now.t, severity="bad" if how.get("exitCode") else "info", text=text, object=about)


def _new_ending(before: Obj, now: Obj) -> Obj | None:
    """How a container ended between two sightings; None when it did not."""
    was, ending = ended(before.get("state")), ended(now.get("state"))
    if ending and not was:
        return ending
    restarted = now.get("restarts", 0) > before.get("restarts", 0)
    return ended(now.get("last")) if restarted and not was else None


def _alerts(past: History) -> Iterator[Mark]:
    """Each change of the alert that the workload's Prometheus was asked about."""
    told = [a for a in past.asked if a.source == "prometheus" and a.ok]
    for before, now in pairwise(told):
        state = now.data.get("state")
        if state != before.data.get("state"):
            severity = _ALERT_SEVERITY.get(str(state), "info")
            yield Mark(t=now.t, severity=severity, text=str(state), object=f"Alert/{now.data.get('alert')}")


def _nodes(past: History) -> Iterator[Mark]:
    # What befell other nodes is another variant's story.
    hosts = {s.object.get("node") for _, sightings in past.of("Pod") for s in sightings}
    for name, sightings in ((n, s) for n, s in past.of("Node") if n in hosts):
        for before, now in pairwise(sightings):
            for kind, condition in (now.object.get("conditions") or {}).items():
                was = (before.object.get("conditions") or {}).get(kind, {}).get("status")
                if condition.get("status") != was:
                    bad = condition.get("status") != ("True" if kind == "Ready" else "False")
                    text = f"{kind} is {condition.get('status')}"
                    yield Mark(t=now.t, severity="bad" if bad else "info", text=text, object=f"Node/{name}")
