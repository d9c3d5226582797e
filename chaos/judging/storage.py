"""Is what was acknowledged still there, and did a new claim get its volume?

Only what the app in the lost pod's place gave back counts, record by record, and only a look at which it could be
asked. A pod that never came back has lost nothing that we know of: that is not proven, and the time it took is judged
by itself.
"""

from chaos.judging import writers
from chaos.judging.history import FOREVER, History, Objectives
from chaos.judging.verdict import Criterion, Evidence, VerdictName
from chaos.recording import Fault


def judge(past: History, wanted: Objectives) -> list[Criterion]:
    """For recordings that raise no doubts."""
    injection = past.injections[-1]
    if injection.fault == "rollout":
        return writers.judge(past, wanted)
    looks = _looks(past, injection)
    if injection.fault == "volume-pending":
        return [_claim_bound(looks), _replica_ready(injection, looks, wanted)]
    return [_records_found(injection, looks), _back_in_time(injection, looks, past, wanted)]


def _looks(past: History, injection: Fault) -> list[Fault]:
    end = past.phases["fault"].end if "fault" in past.phases else FOREVER
    same = (f for f in past.faults if f.step == "witness" and f.target == injection.target)
    return [f for f in same if injection.t <= f.t <= end]


# data-loss


def _records_found(injection: Fault, looks: list[Fault]) -> Criterion:
    name, written = "records found", injection.data.get("acknowledged")
    answered = [look for look in looks if look.ok and isinstance(look.data.get("found"), int)]
    if not isinstance(written, list) or not written:
        return Criterion(name=name, verdict="not_proven", text="no record was acknowledged before the pod had to move")
    if not answered:
        text = f"nobody could be asked for the {len(written)} acknowledged records after the pod had to move"
        return Criterion(name=name, verdict="not_proven", text=text, evidence=_seen(looks[-1:]))
    last = answered[-1]
    found = int(last.data["found"])
    verdict: VerdictName = "held" if found == len(written) else "broke"
    text = f"{found} of {len(written)} acknowledged records were found after the pod was moved"
    told = (Evidence(t=injection.t, source="fault", text=injection.detail), *_seen([last]))
    return Criterion(name=name, verdict=verdict, text=text, evidence=told)


def _back_in_time(injection: Fault, looks: list[Fault], past: History, wanted: Objectives) -> Criterion:
    name = "back in time"
    answered = next((look for look in looks if look.ok and isinstance(look.data.get("found"), int)), None)
    if answered is not None:
        took = answered.t - injection.t
        verdict: VerdictName = "held" if took <= wanted.recover else "broke"
        text = f"the data was served again {took:.1f} s after the pod had to move (asked: {wanted.recover:g} s)"
        return Criterion(name=name, verdict=verdict, text=text, evidence=_seen([answered]))
    waited = past.phases["fault"].end - injection.t
    if looks and looks[-1].ok and waited > wanted.recover:
        text = f"nobody served the data again within {waited:.1f} s (asked: {wanted.recover:g} s)"
        return Criterion(name=name, verdict="broke", text=text, evidence=_seen(looks[-1:]))
    text = f"nobody served the data again, but only {waited:.1f} s were watched"
    return Criterion(name=name, verdict="not_proven", text=text, evidence=_seen(looks[-1:]))


# volume-pending


def _claim_bound(looks: list[Fault]) -> Criterion:
    name, last = "claim bound", _last_told(looks)
    if last is None:
        return Criterion(name=name, verdict="not_proven", text="no new claim was seen", evidence=_seen(looks[-1:]))
    waiting = sorted(n for n, phase in last.data["claims"].items() if phase != "Bound")
    verdict: VerdictName = "broke" if waiting else "held"
    text = f"{', '.join(waiting)} got no volume" if waiting else f"{', '.join(last.data['claims'])} got a volume"
    return Criterion(name=name, verdict=verdict, text=text, evidence=_seen([last]))


def _replica_ready(injection: Fault, looks: list[Fault], wanted: Objectives) -> Criterion:
    name, last = "replica ready", _last_told(looks)
    if last is None:
        return Criterion(
            name=name, verdict="not_proven", text="the new replica was not seen", evidence=_seen(looks[-1:])
        )
    ready, replicas, waited = last.data.get("ready"), last.data.get("replicas"), last.t - injection.t
    text = f"{ready} of {replicas} replicas were Ready {waited:.1f} s after the scaling (asked: {wanted.recover:g} s)"
    if isinstance(ready, int) and isinstance(replicas, int) and ready >= replicas:
        verdict: VerdictName = "held"
    else:
        verdict = "broke" if waited > wanted.recover else "not_proven"
    return Criterion(name=name, verdict=verdict, text=text, evidence=_seen([last]))


def _last_told(looks: list[Fault]) -> Fault | None:
    return next((f for f in reversed(looks) if f.ok and f.data.get("claims")), None)


def _seen(looks: list[Fault]) -> tuple[Evidence, ...]:
    return tuple(Evidence(t=look.t, source="fault", text=look.detail) for look in looks)
