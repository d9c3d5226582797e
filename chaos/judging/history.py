"""One variant's part of a recording, ordered for questions: what was where when.

All times are the run's own seconds (`t`). Load samples carry Unix seconds; they are laid onto `t` by the two clocks of
the first record.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from chaos.promise import SteadyState
from chaos.recording import Asked, Fault, Load, Phase, PhaseName, Record, RunStarted, Seen, Shown, Trouble
from loadgen.samples import Sample

Obj = dict[str, Any]

FOREVER = float("inf")
MEASURED: tuple[PhaseName, ...] = ("baseline", "fault", "recovery")


class Span(NamedTuple):
    """From `begin` to `end`, in seconds of the run."""

    begin: float
    end: float


class Sighting(NamedTuple):
    """An object as a watch showed it."""

    t: float
    event: str
    object: Obj


@dataclass(slots=True)
class Second:
    """What all workers together measured in one second, which begins at `t`."""

    t: float
    intended: int = 0
    sent: int = 0
    ok: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    latency: Counter[int] = field(default_factory=Counter)
    late_ms: float = 0.0
    """How late requests left against their plan, at the 99th percentile of the worst worker."""

    @property
    def asked(self) -> int:
        """Requests that users wanted answered: what nobody accounts for counts as not answered."""
        return max(self.intended, self.ok + self.failed.total())

    @property
    def lost(self) -> int:
        return self.asked - self.ok

    def add(self, sample: Sample) -> None:
        self.intended += sample.intended
        self.sent += sample.sent
        self.ok += sample.ok
        self.failed.update(sample.failed)
        self.latency.update(sample.latency)
        self.late_ms = max(self.late_ms, sample.start_error_ms_p99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objectives:
    """What a scenario asks of a variant, as far as judges need it. Times in seconds."""

    promise: SteadyState
    detect: float
    recover: float
    timeout: float
    workers: int
    service: str
    target: str
    bystanders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What one variant went through."""

    variant: str
    offset: float
    """Unix time of t = 0."""
    phases: dict[PhaseName, Span]
    finished: bool
    seconds: dict[int, Second]
    workers: dict[str, frozenset[int]]
    """Each load worker and the Unix seconds it reported."""
    seen: dict[tuple[str, str], list[Sighting]]
    """(kind, name) -> its sightings, oldest first, up to the end of the last phase."""
    faults: list[Fault]
    troubles: list[Trouble]
    asked: list[Asked]
    shown: list[Shown]
    clock_step: float
    """The largest disagreement, in seconds, of the two clocks between any two records."""

    def of(self, kind: str) -> Iterator[tuple[str, list[Sighting]]]:
        """Every object of a kind: its name and its sightings."""
        return ((name, sightings) for (k, name), sightings in self.seen.items() if k == kind)

    def pod(self, name: str) -> list[Sighting]:
        return self.seen.get(("Pod", name), [])

    def pods(self, app: str) -> dict[str, list[Sighting]]:
        """The pods of a workload, by name."""
        return {name: seen for name, seen in self.of("Pod") if seen[-1].object.get("app") == app}

    @property
    def injections(self) -> list[Fault]:
        return [f for f in self.faults if f.step == "inject" and f.ok]

    @property
    def injected_at(self) -> float:
        """When the first injection was done. Only to be asked once there is one."""
        return min(f.t for f in self.injections)

    @property
    def just_before(self) -> float:
        """The last moment that was surely without the fault: what it did may show before it is written down as done,
        as where a node is cut off for two variants at once. Only to be asked once there is an injection.
        """
        fault = self.phases.get("fault")
        return min(fault.begin, self.injected_at) if fault else self.injected_at

    @property
    def end(self) -> float:
        return max((span.end for span in self.phases.values()), default=0.0)

    def within(self, name: PhaseName) -> list[Second]:
        """A phase's seconds: whole ones, and for the fault also those it begins or ends in."""
        span = self.phases.get(name)
        if span is None:
            return []
        if name == "fault":
            return self.between(span.begin, span.end)
        return [s for s in self.between(span.begin, span.end) if span.begin <= s.t and s.t + 1 <= span.end]

    def between(self, begin: float, end: float) -> list[Second]:
        """The seconds that lie at least partly between two times."""
        return [s for _, s in sorted(self.seconds.items()) if begin < s.t + 1 and s.t < end]

    def whole_seconds(self) -> list[int]:
        """The Unix seconds that lie wholly between the baseline's begin and the recovery's end."""
        measured = [self.phases[p] for p in MEASURED if p in self.phases]
        if not measured:
            return []
        begin, end = measured[0].begin + self.offset, measured[-1].end + self.offset
        first = int(begin) + (begin > int(begin))
        return list(range(first, int(end)))


def at(sightings: list[Sighting], t: float) -> Obj | None:
    """The object as last seen at `t`; None before its first sighting and after its deletion."""
    last = next((s for s in reversed(sightings) if s.t <= t), None)
    return None if last is None or last.event == "DELETED" else last.object


def after(sightings: list[Sighting], t: float, until: float = FOREVER) -> list[Sighting]:
    return [s for s in sightings if t <= s.t <= until]


def container(pod: Obj | None, name: str) -> Obj:
    """A container's status in a pod; empty when there is none."""
    found = (c for c in (pod or {}).get("containers") or () if c.get("name") == name)
    return next(found, {})


def ended(state: Any) -> Obj:
    """The `terminated` part of a container state; empty while it runs or waits."""
    terminated = state.get("terminated") if isinstance(state, dict) else None
    return terminated if isinstance(terminated, dict) else {}


def history(records: Iterable[Record], variant: str) -> History:
    """A variant's history: its own records and those of the run as a whole."""
    own = [r for r in records if r.variant in (variant, "")]
    phases, finished = _phases([r for r in own if isinstance(r, Phase)], own[-1].t if own else 0.0)
    end = max((span.end for span in phases.values()), default=FOREVER)
    offsets = [r.wall - r.t for r in own]
    offset = offsets[0] if offsets else 0.0
    # A thread that was held up between reading its two clocks stands alone; a clock that was moved stays moved.
    steady = [min(pair) for pair in pairwise(offsets)] or offsets
    samples = _samples(own)
    return History(
        variant=variant,
        offset=offset,
        phases=phases,
        finished=finished,
        seconds=_seconds(samples, offset),
        workers=_workers(samples),
        seen=_sightings(own, end),
        faults=[r for r in own if isinstance(r, Fault)],
        troubles=[r for r in own if isinstance(r, Trouble)],
        asked=[r for r in own if isinstance(r, Asked) and r.t <= end],
        shown=[r for r in own if isinstance(r, Shown)],
        clock_step=max(steady, default=0.0) - min(steady, default=0.0),
    )


def started(records: Iterable[Record]) -> RunStarted | None:
    return next((r for r in records if isinstance(r, RunStarted)), None)


def _phases(records: list[Phase], last: float) -> tuple[dict[PhaseName, Span], bool]:
    ends = [*(r.t for r in records[1:]), last] if records else []
    spans: dict[PhaseName, Span] = {r.phase: Span(r.t, end) for r, end in zip(records, ends, strict=True)}
    return spans, spans.pop("done", None) is not None


def _samples(records: list[Record]) -> dict[tuple[int, str], Sample]:
    """By second and worker: a line that was read twice, as after a lost log stream, counts once."""
    samples = (Sample.from_json(r.sample) for r in records if isinstance(r, Load))
    return {(s.second, s.worker): s for s in samples}


def _seconds(samples: dict[tuple[int, str], Sample], offset: float) -> dict[int, Second]:
    seconds: dict[int, Second] = {}
    for (number, _), sample in samples.items():
        seconds.setdefault(number, Second(number - offset)).add(sample)
    return seconds


def _workers(samples: dict[tuple[int, str], Sample]) -> dict[str, frozenset[int]]:
    reported: dict[str, set[int]] = defaultdict(set)
    for number, worker in samples:
        reported[worker].add(number)
    return {worker: frozenset(numbers) for worker, numbers in reported.items()}


def _sightings(records: list[Record], end: float) -> dict[tuple[str, str], list[Sighting]]:
    seen: dict[tuple[str, str], list[Sighting]] = defaultdict(list)
    for r in records:
        if isinstance(r, Seen) and r.t <= end:
            seen[r.resource, r.name].append(Sighting(r.t, r.event, r.object))
    return dict(seen)
