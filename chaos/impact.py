"""What the fault cost one variant, in figures."""

from collections import Counter
from collections.abc import Callable, Sequence

from chaos.judging.ceiling import bought
from chaos.judging.forbidden import forbidden_allowed
from chaos.judging.history import MEASURED, History, Objectives, Second, Sighting, after, at, container
from chaos.judging.neighbours import harms, pods_of, targets
from chaos.judging.signals import first_signal
from chaos.judging.steady import failed_users, longest_outage, regained_at, served
from chaos.recording import PhaseName
from chaos.result import Difference, Impact, PhaseResult, Point, VariantResult

FORBIDDEN = "forbidden actions allowed"
PODS_BOUGHT, CPU_BOUGHT = "pods bought", "cpu requested"
_SELDOM = frozenset({FORBIDDEN, PODS_BOUGHT, CPU_BOUGHT})


def impact(past: History, wanted: Objectives) -> Impact | None:
    """The figures from the injection to the end of the recovery; None when nothing was injected."""
    if not past.injections:
        return None
    # The second in which the load was ended is left out: what was open then says nothing of the service.
    seconds = [s for s in past.between(past.injected_at, past.end) if s.t + 1 <= past.end]
    got, sign = served(seconds, wanted.timeout), first_signal(past, wanted)
    failures: Counter[str] = Counter()
    for second in seconds:
        failures.update(second.failed)
    return Impact(
        requests=got.asked,
        failed=got.lost,
        failed_share=got.lost / got.asked if got.asked else None,
        failures=dict(failures.most_common()),
        longest_outage=longest_outage(seconds, wanted.promise),
        detected_after=round(sign.t - past.injected_at, 3) if sign and sign.t is not None else None,
        first_sign=sign,
        recovered_after=_recovered_after(past, wanted, seconds),
        restarts=restarts(past),
        bystanders_hurt=tuple(sorted(harms(past))),
        lie_time=lie_time(past, wanted, seconds),
        forbidden_allowed=forbidden_allowed(past),
        pod_seconds=bought(past, wanted, cpu=False),
        cpu_seconds=bought(past, wanted, cpu=True),
    )


def _recovered_after(past: History, wanted: Objectives, seconds: list[Second]) -> float | None:
    back = regained_at(seconds, wanted.promise, wanted.timeout)
    return None if back is None else round(max(0.0, back - past.injected_at), 3)


def restarts(past: History) -> int:
    """Container restarts in the whole variant since the fault."""
    return sum(_restarts(sightings, past.just_before) for _, sightings in past.of("Pod"))


def _restarts(sightings: list[Sighting], since: float) -> int:
    before, later = at(sightings, since), after(sightings, since)
    names = {c["name"] for s in later for c in s.object.get("containers") or ()}
    return sum(
        max(
            0,
            max(container(s.object, name).get("restarts", 0) for s in later)
            - container(before, name).get("restarts", 0),
        )
        for name in names
    )


def lie_time(past: History, wanted: Objectives, seconds: list[Second]) -> float:
    """Seconds in which users were failed while all pods of the target, and others the fault was done to, were Ready."""
    victims = _victims(past, wanted)
    lies = (s for s in seconds if failed_users(s, wanted.promise))
    return float(sum(_all_ready(past, victims, s.t) and _all_ready(past, victims, s.t + 1) for s in lies))


def _all_ready(past: History, victims: set[str], t: float) -> bool:
    pods = [at(past.pod(name), t) for name in victims]
    return bool(pods) and all(pod is not None and pod.get("ready") for pod in pods)


def _victims(past: History, wanted: Objectives) -> set[str]:
    """The pods that were there when the fault was done to them, or to what they depend on."""
    struck = targets(past) | pods_of(past, wanted.target)
    return {name for name in struck if at(past.pod(name), past.just_before) is not None}


def phase_results(past: History, wanted: Objectives) -> tuple[PhaseResult, ...]:
    """Each measured phase with what users got in it."""
    return tuple(_phase(past, wanted, name) for name in MEASURED if name in past.phases)


def _phase(past: History, wanted: Objectives, name: PhaseName) -> PhaseResult:
    got, span = served(past.within(name), wanted.timeout), past.phases[name]
    asked = got.asked > 0
    return PhaseResult(
        name=name,
        begin=span.begin,
        end=span.end,
        requests=got.asked,
        failed=got.lost,
        availability=got.availability if asked else None,
        p50=round(got.p50, 1) if asked else None,
        p95=round(got.p95, 1) if asked else None,
        p99=round(got.p99, 1) if asked else None,
    )


def timeline(past: History, wanted: Objectives) -> tuple[Point, ...]:
    """Every second of load, oldest first."""
    return tuple(_point(second, wanted) for _, second in sorted(past.seconds.items()))


def _point(second: Second, wanted: Objectives) -> Point:
    got = served([second], wanted.timeout)
    p95 = round(got.p95, 1) if got.asked else None
    return Point(t=round(second.t, 3), arrivals=got.asked, ok=second.ok, failed=second.lost, p95=p95)


def differences(variants: Sequence[VariantResult]) -> tuple[Difference, ...]:
    """The figures of all variants side by side: what the defense bought. What no variant tries or buys is left out."""
    rows = [
        Difference(what=what, unit=unit, values={v.name: figure(v.impact) if v.impact else None for v in variants})
        for what, unit, figure in _FIGURES
    ]
    return tuple(row for row in rows if row.what not in _SELDOM or any(v is not None for v in row.values.values()))


_FIGURES: tuple[tuple[str, str, Callable[[Impact], float | None]], ...] = (
    ("failed requests", "", lambda i: i.failed),
    ("failed share", "%", lambda i: None if i.failed_share is None else round(100 * i.failed_share, 2)),
    ("longest outage", "s", lambda i: i.longest_outage),
    ("detected after", "s", lambda i: i.detected_after),
    ("recovered after", "s", lambda i: i.recovered_after),
    ("restarts", "", lambda i: i.restarts),
    ("bystanders hurt", "", lambda i: len(i.bystanders_hurt)),
    ("lie time", "s", lambda i: i.lie_time),
    (FORBIDDEN, "", lambda i: i.forbidden_allowed),
    (PODS_BOUGHT, "pod-seconds per 1,000 requests", lambda i: i.pod_seconds),
    (CPU_BOUGHT, "core-seconds per 1,000 requests", lambda i: i.cpu_seconds),
)
