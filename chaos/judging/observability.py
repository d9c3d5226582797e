"""Did anybody hear of it? The named alert goes from rest to firing in time, reaches somebody, and ends when the trouble
does; and what a dead pod said last can still be read.

An alert that was not at rest before the fault proves nothing, nor does silence of those who were asked: only what
Prometheus, Alertmanager and the store of the logs themselves answered counts, second by second.
"""

from itertools import pairwise

from chaos.judging.history import History, Objectives
from chaos.judging.verdict import Criterion, Evidence, VerdictName
from chaos.recording import Asked, Fault

# They are asked once a second. A longer silence could hide a change.
SILENCE_SECONDS = 3.5
# By custom, receivers of this name pass nothing on.
NOBODY = {"", "null", "none", "blackhole", "devnull", "default-null"}


def judge(past: History, wanted: Objectives) -> list[Criterion]:
    """For recordings that raise no doubts."""
    if past.injections[0].fault == "pod-death":
        return [kept(past)]
    return [measured(past), warned(past, wanted), delivered(past, wanted), resolved(past, wanted)]


def answers(past: History, source: str, begin: float, end: float) -> list[Asked]:
    """What was answered in a time, oldest first."""
    return [a for a in past.asked if a.source == source and a.ok and begin <= a.t <= end]


def silence(found: list[Asked], begin: float, end: float) -> float:
    """The longest time without an answer, in seconds."""
    return max(b - a for a, b in pairwise([begin, *(a.t for a in found), end]))


def _before(past: History, source: str) -> list[Asked]:
    return answers(past, source, past.phases["baseline"].begin, past.injected_at)


def _during(past: History, source: str) -> list[Asked]:
    return answers(past, source, past.injected_at, past.phases["fault"].end)


def _seen(asked: Asked) -> Evidence:
    name = {"prometheus": "Prometheus", "alertmanager": "Alertmanager", "logs": "log store"}[asked.source]
    return Evidence(t=asked.t, source=name, text=asked.detail)


def _unknown(name: str, text: str, *seen: Asked) -> Criterion:
    return Criterion(name=name, verdict="not_proven", text=text, evidence=tuple(map(_seen, seen)))


def _unheard(past: History, source: str) -> str:
    """Why there is no answer, in the words of the last attempt."""
    tried = [a for a in past.asked if a.source == source]
    if not tried:
        return "was not asked: the scenario's monitoring: names none"
    return f"gave no answer before the fault; last: {tried[-1].detail}"


def measured(past: History) -> Criterion:
    """Prometheus reached its targets before the fault: what nobody measures, no rule can see."""
    before = _before(past, "prometheus")
    if not before:
        return _unknown("measured", f"Prometheus {_unheard(past, 'prometheus')}")
    last = before[-1]
    up, targets = last.data.get("up", 0), last.data.get("targets", 0)
    verdict: VerdictName = "held" if 0 < targets == up else "broke"
    text = f"{up} of {targets} targets were up before the fault"
    return Criterion(name="measured", verdict=verdict, text=text, evidence=(_seen(last),))


def warned(past: History, wanted: Objectives) -> Criterion:
    """At rest before, firing within the time to detect."""
    name, before, during = "warned", _before(past, "prometheus"), _during(past, "prometheus")
    if not before:
        return _unknown(name, f"Prometheus {_unheard(past, 'prometheus')}")
    restless = next((a for a in before if a.data.get("state") in ("pending", "firing")), None)
    if restless is not None:
        text = f"the alert was {restless.data['state']} before the fault, so what it did afterwards proves nothing"
        return _unknown(name, text, restless)
    firing = next((a for a in during if a.data.get("state") == "firing"), None)
    if firing is None:
        return _never_fired(past, wanted, before[-1], during)
    return _fired(past, wanted, before[-1], during, firing)


def _fired(past: History, wanted: Objectives, rest: Asked, during: list[Asked], firing: Asked) -> Criterion:
    name, alert, took = "warned", firing.data.get("alert"), firing.t - past.injected_at
    if not _at_rest(rest):
        return _unknown(name, f"{alert} fired, but was never seen at rest before the fault", rest, firing)
    if rest.t < past.injected_at - SILENCE_SECONDS:
        return _unknown(
            name, f"Prometheus gave no answer in the {past.injected_at - rest.t:.0f} s before the fault", rest
        )
    pending = [a for a in during if a.data.get("state") == "pending" and a.t < firing.t][:1]
    seen = tuple(map(_seen, [rest, *pending, firing]))
    if took <= wanted.detect:
        text = f"{alert} was at rest, and firing {took:.1f} s after the fault, within {wanted.detect:g} s"
        return Criterion(name=name, verdict="held", text=text, evidence=seen)
    gap = silence([a for a in during if a.t < firing.t], past.injected_at, firing.t)
    if gap > SILENCE_SECONDS:
        return _unknown(
            name, f"{alert} was firing after {took:.1f} s, and before that nothing was heard for {gap:.0f} s"
        )
    text = f"{alert} was firing only {took:.1f} s after the fault, not within {wanted.detect:g} s"
    return Criterion(name=name, verdict="broke", text=text, evidence=seen)


def _at_rest(asked: Asked) -> bool:
    return asked.data.get("state") == "inactive" and asked.data.get("health") == "ok"


def _never_fired(past: History, wanted: Objectives, rest: Asked, during: list[Asked]) -> Criterion:
    name, end = "warned", past.phases["fault"].end
    room, gap = end - past.injected_at, silence(during, past.injected_at, end)
    if gap > SILENCE_SECONDS:
        return _unknown(name, f"nothing was heard of Prometheus for {gap:.0f} s of the fault", *during[-1:])
    if room < wanted.detect:
        return _unknown(name, f"the fault lasted {room:.0f} s, too short to see an alert within {wanted.detect:g} s")
    last = during[-1]
    alert, state = last.data.get("alert"), last.data.get("state")
    text = f"{alert} did not fire in {room:.0f} s of fault: {state}"
    if state == "absent":
        text = f"no rule {alert} is loaded, so nobody could be told"
    elif last.data.get("health") != "ok":
        text = f"{alert} is loaded but cannot be evaluated: {last.data.get('error') or last.data.get('health')}"
    return Criterion(name=name, verdict="broke", text=text, evidence=(_seen(rest), _seen(last)))


def delivered(past: History, wanted: Objectives) -> Criterion:
    """Alertmanager has it and a notification of it left for somebody, without failing, within the time to detect."""
    name, before, during = "delivered", _before(past, "alertmanager"), _during(past, "alertmanager")
    if not before:
        return _unknown(name, f"Alertmanager {_unheard(past, 'alertmanager')}")
    if any(a.data.get("active") for a in before):
        return _unknown(name, "Alertmanager had the alert already before the fault", before[-1])
    arrived = next((a for a in during if _arrived(a, before[-1])), None)
    if arrived is None:
        return _never_arrived(past, wanted, before[-1], during)
    took = arrived.t - past.injected_at
    seen = (_seen(before[-1]), _seen(arrived))
    to = ", ".join(arrived.data["receivers"])
    if took > wanted.detect:
        text = f"the notification left only {took:.1f} s after the fault, not within {wanted.detect:g} s"
        return Criterion(name=name, verdict="broke", text=text, evidence=seen)
    text = f"receiver {to} was notified {took:.1f} s after the fault"
    return Criterion(name=name, verdict="held", text=text, evidence=seen)


def _sent(asked: Asked) -> float:
    return float(asked.data.get("notified", 0)) - float(asked.data.get("failed", 0))


def _somebody(asked: Asked) -> bool:
    return any(str(r).lower() not in NOBODY for r in asked.data.get("receivers") or ())


def _arrived(asked: Asked, before: Asked) -> bool:
    return bool(asked.data.get("active")) and _somebody(asked) and _sent(asked) > _sent(before)


def _never_arrived(past: History, wanted: Objectives, before: Asked, during: list[Asked]) -> Criterion:
    name, end = "delivered", past.phases["fault"].end
    gap = silence(during, past.injected_at, end)
    if gap > SILENCE_SECONDS:
        return _unknown(name, f"nothing was heard of Alertmanager for {gap:.0f} s of the fault", *during[-1:])
    if end - past.injected_at < wanted.detect:
        return _unknown(name, f"the fault was too short to see a notification within {wanted.detect:g} s")
    last = during[-1]
    text = "Alertmanager never heard of the alert"
    if any(a.data.get("active") for a in during):
        failed = float(last.data.get("failed", 0)) - float(before.data.get("failed", 0))
        text = "Alertmanager had the alert, and told nobody"
        text += f": {failed:g} notifications failed" if failed else ""
        text += "" if _somebody(last) else ": its receiver passes nothing on"
    return Criterion(name=name, verdict="broke", text=text, evidence=(_seen(before), _seen(last)))


def resolved(past: History, wanted: Objectives) -> Criterion:
    """At rest again within the time to recover after the end of the fault: an alert that stays on is soon ignored."""
    name, begin, end = "resolved", past.phases["fault"].end, past.end
    if not any(a.data.get("state") == "firing" for a in _during(past, "prometheus")):
        return _unknown(name, "the alert was not seen firing, so there is nothing to resolve")
    after = answers(past, "prometheus", begin, end)
    back = next((a for a in after if _at_rest(a)), None)
    took, gap = (back.t if back else end) - begin, silence(after, begin, back.t if back else end)
    if back is not None and took <= wanted.recover:
        text = f"at rest again {took:.1f} s after the fault ended"
        return Criterion(name=name, verdict="held", text=text, evidence=(_seen(back),))
    if gap > SILENCE_SECONDS:
        return _unknown(name, f"nothing was heard of Prometheus for {gap:.0f} s of the recovery")
    if back is None and took < wanted.recover:
        return _unknown(name, f"the recovery lasted {took:.0f} s, too short to see the end within {wanted.recover:g} s")
    text = f"at rest only {took:.1f} s after the fault ended" if back else f"not at rest {took:.0f} s after the fault"
    return Criterion(name=name, verdict="broke", text=text, evidence=tuple(_seen(a) for a in after[-1:]))


def kept(past: History) -> Criterion:
    """What each dead pod said last is still to be found, when the cluster itself has nothing of it left."""
    parts = [_kept(past, injection) for injection in past.injections]
    order: tuple[VerdictName, ...] = ("broke", "not_proven", "held")
    verdict = next(v for v in order if any(p.verdict == v for p in parts))
    text = "; ".join(p.text for p in parts if p.verdict == verdict)
    return Criterion(name="logs kept", verdict=verdict, text=text, evidence=tuple(e for p in parts for e in p.evidence))


def _kept(past: History, injection: Fault) -> Criterion:
    name, words, pod = "logs kept", injection.data.get("last_words"), injection.target
    gone = next((f for f in past.faults if f.step == "witness" and f.target == pod and f.ok), None)
    if not words or gone is None:
        return _unknown(name, f"what pod {pod} said last, or that it is gone, was not recorded")
    looks = [a for a in answers(past, "logs", gone.t, past.end) if a.data.get("words") == words]
    if not looks:
        tried = [a for a in past.asked if a.source == "logs"]
        last = f"; last: {tried[-1].detail}" if tried else ": the scenario's monitoring: names none"
        return _unknown(name, f"nobody answered for the logs after pod {pod} was gone{last}")
    last_look = looks[-1]
    lost = Evidence(t=gone.t, source="fault", text=gone.detail)
    evidence = (lost, _seen(last_look))
    if last_look.data.get("found") is True:
        after = last_look.t - gone.t
        text = f"the last words of pod {pod} were still found {after:.0f} s after its own log was gone"
        return Criterion(name=name, verdict="held", text=text, evidence=evidence)
    where = "the store of the logs does not have them" if last_look.data.get("store") else "nobody keeps logs here"
    text = f"the last words of pod {pod} are lost with it: {where}"
    return Criterion(name=name, verdict="broke", text=text, evidence=evidence)
