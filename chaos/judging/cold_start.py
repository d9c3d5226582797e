"""Did traffic wait until the new pods were warm? None got any while it did not serve, and the rollout came to its end.

What a pod serves is told by the witness, who asked it itself; what it got, by the Service's endpoints. The two are
watched apart, so a pod is blamed only for a look before which it was seen among the ready endpoints, and after which it
still was: however late the one or the other was told, it was among them all the while.
"""

from typing import NamedTuple

from chaos.judging.endpoints import ready_endpoints
from chaos.judging.history import History, Objectives, at
from chaos.judging.replicas import users_served
from chaos.judging.verdict import Criterion, Evidence, VerdictName


class Look(NamedTuple):
    """The witness asked a pod between two moments and was not served."""

    pod: str
    begin: float
    end: float


def judge(past: History, wanted: Objectives) -> list[Criterion]:
    """Waited, users served, rolled out: for recordings that raise no doubts."""
    return [_waited(past, wanted), users_served(past, wanted), _rolled_out(past, wanted)]


def _cold(past: History) -> list[Look]:
    end = past.phases["fault"].end
    witnesses = (f for f in past.faults if f.step == "witness" and past.injected_at <= f.t <= end)
    looks = ((f.t, look) for f in witnesses for look in f.data.get("looks") or ())
    return [Look(look["pod"], t - look["ago"], t) for t, look in looks if not look["served"]]


def _waited(past: History, wanted: Objectives) -> Criterion:
    name, cold = "waited", _cold(past)
    if not cold:
        return Criterion(name=name, verdict="not_proven", text=f"no new pod of {wanted.target} was asked while cold")
    pods = sorted({look.pod for look in cold})
    early = [look for look in cold if _got_traffic(past, wanted, look)]
    if not early:
        text = f"{len(cold)} times a new pod was asked and did not serve ({_some(pods)}); none of them got traffic yet"
        evidence = tuple(Evidence(t=look.end, source="fault", text=f"{look.pod} does not serve yet") for look in cold)
        return Criterion(name=name, verdict="held", text=text, evidence=evidence)
    evidence = tuple(
        Evidence(t=look.end, source="EndpointSlice", text=f"{look.pod} is a ready endpoint and does not serve")
        for look in early
    )
    sent = sorted({look.pod for look in early})
    text = f"{wanted.service} sent traffic to {_some(sent)} while {'it' if len(sent) == 1 else 'they'} did not serve"
    return Criterion(name=name, verdict="broke", text=text, evidence=evidence)


def _some(pods: list[str]) -> str:
    return f"{len(pods)} pod{'s' * (len(pods) != 1)}"


def _got_traffic(past: History, wanted: Objectives, look: Look) -> bool:
    return all(look.pod in ready_endpoints(past, wanted.service, t) for t in (look.begin, look.end))


def _rolled_out(past: History, wanted: Objectives) -> Criterion:
    """The old pods are gone, and as many new ones Ready as there were."""
    name, begin, end = "rolled out", past.injected_at, past.phases["fault"].end
    old = set(past.injections[0].data.get("old") or ())
    before = sum(bool(pod.get("ready")) for pod in _pods(past, wanted, past.phases["fault"].begin))
    left = [pod for pod in _pods(past, wanted, end) if pod["uid"] in old]
    ready = sum(bool(pod.get("ready")) for pod in _pods(past, wanted, end) if pod["uid"] not in old)
    if before and not left and ready >= before:
        text = f"all {before} pods of {wanted.target} were replaced, and {ready} new ones Ready at the end of the fault"
        return Criterion(name=name, verdict="held", text=text)
    lasted = end - begin
    verdict: VerdictName = "broke" if before and lasted >= wanted.recover else "not_proven"
    text = (
        f"{lasted:.0f} s into the rollout {ready} new pods of {before} were Ready, and {len(left)} of the old were left"
    )
    return Criterion(name=name, verdict=verdict, text=text)


def _pods(past: History, wanted: Objectives, t: float) -> list[dict[str, object]]:
    """The target's pods at a time, without those on their way out."""
    seen = (at(sightings, t) for _, sightings in past.of("Pod"))
    return [pod for pod in seen if pod and pod.get("app") == wanted.target and not pod.get("deleting")]
