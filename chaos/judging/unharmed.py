"""Was the storm the target's alone? Its neighbours, and the memory of the nodes they live on."""

from chaos.judging.history import History, Obj, Objectives, after, at
from chaos.judging.neighbours import bystanders, harms, unready, was_ready
from chaos.judging.verdict import Criterion, Evidence


def neighbours_unharmed(past: History, wanted: Objectives, *, short_by_fault: bool = False) -> Criterion:
    """No other container ended, restarted, or was evicted, and no node of the variant ran short of memory.

    A shortage that the fault itself brought is not counted.
    """
    name = "neighbours unharmed"
    hurt = [e for evidence in harms(past).values() for e in evidence]
    hurt += [e for app in wanted.bystanders for e in unready(past, app)]
    short = [] if short_by_fault else list(_node_trouble(past))
    if hurt or short:
        told = [f"{', '.join(_names(hurt))}: hurt without fault of their own"] if hurt else []
        told += [f"{', '.join(_names(short))} ran short of memory"] if short else []
        evidence = tuple(sorted([*hurt, *short], key=lambda e: e.t or 0))
        return Criterion(name=name, verdict="broke", text="; ".join(told), evidence=evidence)
    unknown = [
        f"no Ready pod of {app} was seen before the fault" for app in wanted.bystanders if not was_ready(past, app)
    ]
    unknown += [f"node {node} told nothing of its memory" for node in _nodes(past) if not _tells_pressure(past, node)]
    if unknown:
        return Criterion(name=name, verdict="not_proven", text="; ".join(unknown))
    watched = len(bystanders(past))
    others = f"none of {watched} other pods was killed, restarted or evicted" if watched else "there were no other pods"
    text = others if short_by_fault else f"{others}, and no node ran short of memory"
    return Criterion(name=name, verdict="held", text=text)


def _names(evidence: list[Evidence]) -> list[str]:
    return sorted({e.source.partition("/")[2] for e in evidence})


def _nodes(past: History) -> set[str]:
    """The nodes that the variant's pods ran on when the fault came."""
    pods = (at(sightings, past.just_before) for _, sightings in past.of("Pod"))
    return {str(pod["node"]) for pod in pods if pod and pod.get("node")}


def _pressure(node: Obj) -> str:
    return str((node.get("conditions") or {}).get("MemoryPressure", {}).get("status", ""))


def _tells_pressure(past: History, node: str) -> bool:
    return any(_pressure(s.object) in ("True", "False") for s in past.seen.get(("Node", node), []))


def _node_trouble(past: History) -> list[Evidence]:
    nodes = _nodes(past)
    pressed = [
        Evidence(t=sighting.t, source=f"Node/{name}", text="MemoryPressure is True")
        for name, sightings in past.of("Node")
        if name in nodes
        and (sighting := next((s for s in after(sightings, past.injected_at) if _pressure(s.object) == "True"), None))
    ]
    ooms = [
        Evidence(t=s.t, source=str(s.object["about"]), text=f"SystemOOM: {s.object.get('message', '')}")
        for _, sightings in past.of("Event")
        for s in after(sightings, past.injected_at)
        if s.object.get("reason") == "SystemOOM" and str(s.object.get("about", "")).removeprefix("Node/") in nodes
    ]
    return pressed + ooms
