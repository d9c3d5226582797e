"""Was the target spared when its node ran short of memory? The kubelet evicts first who uses more than he asked for.

A neighbour that the scheduler has no room for is the requests' work as well: the fault has made sure that it would have
fitted without them. Pods that asked for nothing and are still there were lucky, and prove nothing.
"""

from collections.abc import Iterator

from chaos.judging.endings import ends_of
from chaos.judging.history import History, Obj, Objectives, Sighting, after, at, container
from chaos.judging.neighbours import how_it_ended
from chaos.judging.replicas import users_served
from chaos.judging.signals import about
from chaos.judging.unharmed import neighbours_unharmed
from chaos.judging.verdict import Criterion, Evidence
from chaos.recording import Fault
from loadgen.units import Size


def judge(past: History, wanted: Objectives) -> list[Criterion]:
    """For recordings that raise no doubts, and so have seen the node short of memory, or the neighbour refused."""
    unharmed = neighbours_unharmed(past, wanted, short_by_fault=not _sight(past).data.get("refused"))
    return [_spared(past, wanted), users_served(past, wanted), unharmed]


def _spared(past: History, wanted: Objectives) -> Criterion:
    name, near = "not evicted", _near(past)
    asked, sight = _requests(near), _sight(past)
    lost = sorted(_losses(past, wanted), key=lambda e: e.t or 0.0)
    evidence = (Evidence(t=sight.t, source="Pod/hog", text=sight.detail), *lost)
    who = f"each pod of {wanted.target} asks for {_said(asked)}"
    if lost:
        pods, first = len({e.source for e in lost}), (lost[0].t or 0.0) - past.injected_at
        text = f"{who}; {pods} of them lost to the shortage of their node, the first after {first:.1f} s"
        return Criterion(name=name, verdict="broke", text=text, evidence=evidence)
    if not near:
        text = f"no pod of {wanted.target} was observed on the node"
        return Criterion(name=name, verdict="not_proven", text=text)
    if not all(asked.values()):
        text = f"{who}: that none was evicted, nobody had promised"
        return Criterion(name=name, verdict="not_proven", text=text, evidence=evidence)
    text = f"{who}; none of the {len(near)} on the node was evicted or OOMKilled"
    return Criterion(name=name, verdict="held", text=text, evidence=evidence)


def _near(past: History) -> list[Obj]:
    """The target's pods on the node, as they were when the fault came."""
    names = {name for injection in past.injections for name in injection.data.get("pods") or ()}
    pods = (at(past.pod(name), past.just_before) for name in sorted(names))
    return [pod for pod in pods if pod and pod.get("containers")]


def _sight(past: History) -> Fault:
    """What the witness saw when the fault first bit; where there are no doubts, it did."""
    return next(f for f in past.faults if f.step == "witness" and f.ok and f.t >= past.injected_at)


def _requests(pods: list[Obj]) -> dict[str, int]:
    """The memory in bytes that each container asked for, by the API server's own completion."""
    return {c["name"]: int(c.get("memory_request") or 0) for pod in pods for c in pod["containers"]}


def _said(asked: dict[str, int]) -> str:
    unsaid = sorted(name for name, size in asked.items() if not size)
    if unsaid or not asked:
        return f"no memory ({'container ' + ', '.join(unsaid) if unsaid else 'none was seen'})"
    return str(Size(sum(asked.values())))


def _losses(past: History, wanted: Objectives) -> Iterator[Evidence]:
    """Evictions and OOM kills of the target's pods, those that came to replace others too."""
    for name, seen in past.pods(wanted.target).items():
        since = after(seen, past.injected_at)
        yield from _eviction(past, name, since)
        yield from _kills(name, at(seen, past.just_before), since)


def _eviction(past: History, pod: str, since: list[Sighting]) -> Iterator[Evidence]:
    told = next((s for s in about(past, pod, past.injected_at) if s.object.get("reason") == "Evicted"), None)
    if told:
        yield Evidence(t=told.t, source=f"Pod/{pod}", text=f"Evicted: {told.object.get('message', '')}".strip())
    elif gone := next((s for s in since if s.object.get("reason") == "Evicted"), None):
        yield Evidence(t=gone.t, source=f"Pod/{pod}", text="Evicted")


def _kills(pod: str, before: Obj | None, since: list[Sighting]) -> Iterator[Evidence]:
    for name in dict.fromkeys(c["name"] for s in since for c in s.object.get("containers") or ()):
        for t, how in ends_of(since, name, container(before, name)):
            if how.get("reason") == "OOMKilled":
                yield Evidence(t=t, source=f"Pod/{pod}", text=f"container {name} ended: {how_it_ended(how)}")
