"""A drain and the budget it asked: what the eviction API answered, who left, and whether it ever came to an end."""

from collections.abc import Iterator

from chaos.judging.history import FOREVER, History, Objectives, Sighting, after, at
from chaos.judging.verdict import Criterion, Evidence, worst
from chaos.recording import Fault
from chaos.selectors import matches


def answers(past: History, pod: str) -> list[Fault]:
    """What was answered to each request that the pod leave, oldest first; requests without an answer left out."""
    return [f for f in past.faults if f.step == "act" and f.target == pod and f.data.get("code")]


def emptied(past: History) -> Criterion:
    """Every pod that was on the node has left it, because it was asked to."""
    parts = [_left(past, injection, pod) for injection in past.injections for pod in injection.data.get("pods") or ()]
    if not parts:
        text = "no pod of the workload was on the node that was drained"
        return Criterion(name="emptied", verdict="not_proven", text=text)
    verdict = worst(p.verdict for p in parts)
    text = _summary(past, parts) if verdict == "held" else "; ".join(p.text for p in parts if p.verdict == verdict)
    evidence = sorted((e for p in parts for e in p.evidence), key=lambda e: e.t or 0.0)
    return Criterion(name="emptied", verdict=verdict, text=text, evidence=tuple(evidence))


def _summary(past: History, parts: list[Criterion]) -> str:
    node = past.injections[0].target
    last = max(e.t or 0.0 for p in parts for e in p.evidence) - past.injected_at
    refused = sum(a.data["code"] == 429 for f in past.injections for pod in f.data["pods"] for a in answers(past, pod))
    patience = f", after {refused} refusal{'s' * (refused != 1)} (HTTP 429) that were waited out" if refused else ""
    granted = f"{len(parts)} eviction{'s' * (len(parts) != 1)} granted (HTTP 201)"
    return f"{node} was empty {last:.1f} s after the drain began: {granted}{patience}"


def _left(past: History, injection: Fault, pod: str) -> Criterion:
    name, got, gone = "emptied", answers(past, pod), _gone_at(past, injection, pod)
    evidence = tuple(_told(pod, answer) for answer in (got[:1] + got[-1:] if len(got) > 1 else got))
    granted = any(answer.data["code"] == 201 for answer in got)
    if not got:
        return Criterion(name=name, verdict="not_proven", text=f"{pod} was never asked to leave, or nobody answered")
    if not granted and gone is None:
        text = f"{pod} was not let go: {len(got)} times asked, {len(got)} times refused, at last: {got[-1].detail}"
        return Criterion(name=name, verdict="broke", text=text, evidence=evidence)
    if not granted:
        text = f"{pod} left, but not because it was asked: every eviction was refused"
        return Criterion(name=name, verdict="not_proven", text=text, evidence=evidence)
    if gone is None:
        text = f"{pod} was told to leave, and had not left when the fault phase ended"
        return Criterion(name=name, verdict="not_proven", text=text, evidence=evidence)
    left = Evidence(t=gone, source=f"Pod/{pod}", text=f"gone from {injection.target}")
    return Criterion(name=name, verdict="held", text=f"{pod} left", evidence=(*evidence, left))


def _told(pod: str, answer: Fault) -> Evidence:
    return Evidence(t=answer.t, source=f"Pod/{pod}", text=answer.detail)


def _gone_at(past: History, injection: Fault, pod: str) -> float | None:
    """When the pod with this very uid was no longer there, within the fault phase."""
    uid, end = injection.data["pods"][pod], past.phases["fault"].end
    seen = [s for s in after(past.pod(pod), injection.t, end) if s.object.get("uid") == uid]
    return next((s.t for s in seen if s.event == "DELETED"), None)


def budget_kept(past: History, wanted: Objectives) -> Criterion:
    """The budget that selects the target was there, was asked, and never had fewer healthy pods than it wants."""
    name = "budget kept"
    asked = [a for f in past.injections for pod in f.data.get("pods") or () for a in _of_target(past, wanted, pod)]
    found = dict(_budgets(past, wanted))
    if not found:
        text = f"no PodDisruptionBudget selects {wanted.target}, so none was put to the test"
        return Criterion(name=name, verdict="not_proven", text=text)
    if not asked:
        return Criterion(name=name, verdict="not_proven", text="no eviction asked the budget")
    if len(found) > 1:
        text = f"{wanted.target} is selected by {' and '.join(sorted(found))}; the eviction API takes only one"
        return Criterion(name=name, verdict="broke", text=text)
    [(budget, sightings)] = found.items()
    return _kept(past, budget, sightings)


def _kept(past: History, budget: str, sightings: list[Sighting]) -> Criterion:
    name, begin, end = "budget kept", past.injected_at, past.phases["fault"].end
    first = at(sightings, begin)
    during = [Sighting(begin, "", first)] if first else []
    during += [s for s in after(sightings, begin, end) if s.event != "DELETED"]
    stale = not during or not all(s.object.get("current") for s in during)
    if stale:
        text = f"budget {budget} was not up to date with its own spec, so its figures say nothing"
        return Criterion(name=name, verdict="not_proven", text=text)
    low = min(during, key=lambda s: s.object["healthy"] - s.object["desired"])
    healthy, desired = low.object["healthy"], low.object["desired"]
    seen = (Evidence(t=low.t, source=f"PodDisruptionBudget/{budget}", text=f"{healthy} healthy, {desired} wanted"),)
    if healthy >= desired:
        text = f"budget {budget} wants {desired} healthy pods and had at least {healthy}"
        return Criterion(name=name, verdict="held", text=text, evidence=seen)
    if during[0].object["healthy"] < during[0].object["desired"]:
        # What was short before the drain began says nothing of the drain.
        text = f"budget {budget} wants {desired} healthy pods and had only {healthy} to begin with"
        return Criterion(name=name, verdict="not_proven", text=text, evidence=seen)
    text = f"budget {budget} wants {desired} healthy pods and was left with {healthy}"
    return Criterion(name=name, verdict="broke", text=text, evidence=seen)


def _of_target(past: History, wanted: Objectives, pod: str) -> list[Fault]:
    is_target = any(s.object.get("app") == wanted.target for s in past.pod(pod))
    return answers(past, pod) if is_target else []


def _budgets(past: History, wanted: Objectives) -> Iterator[tuple[str, list[Sighting]]]:
    """The budgets that selected a pod of the target when the drain began, or came later."""
    pods = [s.object for _, seen in past.of("Pod") for s in seen if s.object.get("app") == wanted.target]
    labels = [p.get("labels") or {} for p in pods]
    for name, sightings in past.of("PodDisruptionBudget"):
        now = at(sightings, past.just_before) or next((s.object for s in after(sightings, 0, FOREVER)), None)
        if now and any(matches(now.get("selector"), own) for own in labels):
            yield name, sightings
