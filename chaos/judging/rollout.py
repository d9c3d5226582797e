"""A bad revision: did the rollout stop while the old one served, and did the cluster say that something is wrong?"""

from chaos.judging.history import History, Objectives, Sighting, after, at
from chaos.judging.signals import about
from chaos.judging.verdict import Criterion, Evidence

TELLING = ("Failed", "BackOff", "Unhealthy", "FailedCreate", "FailedMount", "FailedScheduling")


def revisions(past: History, wanted: Objectives) -> tuple[dict[str, list[Sighting]], dict[str, list[Sighting]]]:
    """The target's pods by name: those of the old revision, and those that came with the fault, up to its end."""
    begin, end = past.phases["fault"].begin, past.phases["fault"].end
    pods = {n: s for n, s in past.of("Pod") if s[-1].object.get("app") == wanted.target and s[0].t <= end}
    known = {str(_hash(s)) for s in pods.values() if s[0].t <= begin}
    old = {name: seen for name, seen in pods.items() if str(_hash(seen)) in known}
    return old, {name: seen for name, seen in pods.items() if name not in old}


def _hash(sightings: list[Sighting]) -> object:
    return (sightings[0].object.get("labels") or {}).get("pod-template-hash", "")


def stopped(past: History, wanted: Objectives) -> Criterion:
    """The old revision went on serving: the rollout waited for pods that never became Ready."""
    name, begin, end = "stopped", past.injected_at, past.phases["fault"].end
    old, new = revisions(past, wanted)
    if not new or not old:
        text = f"no pod of {'the new' if old else 'an old'} revision of {wanted.target} was seen"
        return Criterion(name=name, verdict="not_proven", text=text)
    times = sorted({begin, end, *(s.t for seen in old.values() for s in after(seen, begin, end))})
    counts = [(t, sum(_serves(seen, t) for seen in old.values())) for t in times]
    gone = next((t for t, count in counts if not count), None)
    if gone is not None:
        seen = Evidence(t=gone, source=wanted.target, text="no pod of the old revision is Ready")
        text = f"the last Ready pod of the old revision was gone {gone - begin:.1f} s after the rollout began"
        return Criterion(name=name, verdict="broke", text=text, evidence=(seen,))
    least = min(count for _, count in counts)
    text = f"the rollout waited, and never left fewer than {least} Ready pods of the old revision"
    return Criterion(name=name, verdict="held", text=text)


def _serves(sightings: list[Sighting], t: float) -> bool:
    pod = at(sightings, t)
    return bool(pod and pod.get("ready") and not pod.get("deleting"))


def visible(past: History, wanted: Objectives) -> Criterion:
    """Whoever looks at the rollout can see that it does not succeed."""
    name, begin, end = "visible", past.injected_at, past.phases["fault"].end
    _, new = revisions(past, wanted)
    if not new:
        text = f"no pod of the new revision of {wanted.target} was seen"
        return Criterion(name=name, verdict="not_proven", text=text)
    ready = sorted((s.t, pod) for pod, seen in new.items() for s in after(seen, begin, end) if s.object.get("ready"))
    if ready:
        seen = Evidence(t=ready[0][0], source=f"Pod/{ready[0][1]}", text="Ready")
        text = f"{ready[0][1]} of the broken revision was called Ready, and the rollout a success"
        return Criterion(name=name, verdict="broke", text=text, evidence=(seen,))
    signs = [*_given_up(past, wanted), *_complaints(past, sorted(new))]
    if not signs:
        text = "no event and no condition says why the new revision does not become Ready"
        return Criterion(name=name, verdict="not_proven", text=text)
    first = min(signs, key=lambda e: e.t or 0.0)
    text = f"the rollout did not progress, and {(first.t or 0.0) - begin:.1f} s after it began the cluster said why"
    return Criterion(name=name, verdict="held", text=text, evidence=(first,))


def _complaints(past: History, pods: list[str]) -> list[Evidence]:
    """Warnings about the new pods."""
    begin, end = past.injected_at, past.phases["fault"].end
    return [
        Evidence(t=s.t, source="Event", text=f"{s.object['reason']}: {s.object.get('message', '')}")
        for pod in pods
        for s in about(past, pod, begin, end)
        if s.object.get("type") == "Warning" and s.object.get("reason") in TELLING
    ]


def _given_up(past: History, wanted: Objectives) -> list[Evidence]:
    """The Deployment's own word for it."""
    sightings = past.seen.get(("Deployment", wanted.target.removeprefix("deployment/")), [])
    return [
        Evidence(t=s.t, source=wanted.target, text="Progressing is False: ProgressDeadlineExceeded")
        for s in after(sightings, past.injected_at, past.phases["fault"].end)
        if (s.object.get("conditions") or {}).get("Progressing", {}).get("status") == "False"
    ]
