"""Why nothing can be proven from a recording, whatever it seems to show."""

from collections.abc import Iterator

from chaos.judging.history import MEASURED, History, Objectives
from chaos.judging.steady import unkept
from chaos.judging.verdict import Evidence
from chaos.recording import NOT_TAKEN

# Below this part of the intended requests the load was another one than the scenario's.
DELIVERED = 0.95
CLOCK_STEP_SECONDS = 1.0


def doubts(past: History, wanted: Objectives) -> list[Evidence]:
    """Every reason, in the order of the run; none means that the defenses may be judged."""
    if any(trouble.what == NOT_TAKEN for trouble in past.troubles):
        return [*_troubles(past)]
    return [*_troubles(past), *_run(past), *_load(past, wanted), *_baseline(past, wanted), *_fault(past)]


def _troubles(past: History) -> Iterator[Evidence]:
    for trouble in past.troubles:
        detail = f": {trouble.detail}" if trouble.detail else ""
        yield Evidence(t=trouble.t, source="recording", text=f"{trouble.what}{detail}")


def _run(past: History) -> Iterator[Evidence]:
    if past.clock_step > CLOCK_STEP_SECONDS:
        text = f"the machine's clock was moved by {past.clock_step:.1f} s, so samples and events cannot be matched"
        yield Evidence(source="recording", text=text)
    missing = [phase for phase in MEASURED if phase not in past.phases]
    if missing:
        text = f"the run never came to its {missing[0]}"
        yield Evidence(source="recording", text=text)
    elif not past.finished:
        yield Evidence(source="recording", text="the run was not finished: the recording ends before the recovery does")
    if not any(past.of("Pod")):
        yield Evidence(source="recording", text="no pod was ever observed")


def _load(past: History, wanted: Objectives) -> Iterator[Evidence]:
    expected = past.whole_seconds()
    if not past.seconds:
        yield Evidence(source="load", text="there are no load samples")
        return
    if len(past.workers) < wanted.workers:
        text = f"{len(past.workers)} of {wanted.workers} load workers reported"
        yield Evidence(source="load", text=text)
    for worker, reported in sorted(past.workers.items()):
        gaps = [second for second in expected if second not in reported]
        if gaps:
            text = f"worker {worker} reported nothing for {len(gaps)} of {len(expected)} seconds"
            yield Evidence(t=gaps[0] - past.offset, source="load", text=text)
    yield from _delivery(past)


def _delivery(past: History) -> Iterator[Evidence]:
    for phase in MEASURED:
        seconds = past.within(phase)
        intended, sent = sum(s.intended for s in seconds), sum(s.sent for s in seconds)
        if seconds and sent < DELIVERED * intended:
            text = f"only {sent} of {intended} intended requests were sent in the {phase}: the load fell behind"
            yield Evidence(t=seconds[0].t, source="load", text=text)


def _baseline(past: History, wanted: Objectives) -> Iterator[Evidence]:
    if "baseline" not in past.phases or not past.seconds:
        return
    missed = unkept(past.within("baseline"), wanted.promise, wanted.timeout)
    if missed:
        text = f"no steady state before the fault: {'; '.join(missed)}"
        yield Evidence(t=past.phases["baseline"].begin, source="load", text=text)


def _fault(past: History) -> Iterator[Evidence]:
    for fault in past.faults:
        if fault.step == "inject" and not fault.ok:
            yield Evidence(t=fault.t, source="fault", text=f"{fault.fault} could not be injected: {fault.detail}")
    if not past.injections:
        yield Evidence(source="fault", text="no fault was injected")
    for injection in past.injections:
        seen = [f for f in past.faults if f.step == "witness" and f.target == injection.target and f.t >= injection.t]
        if not any(f.ok for f in seen):
            last = f"; the witness last saw: {seen[-1].detail}" if seen else "; there was no witness"
            text = f"nobody saw {injection.fault} bite on {injection.target}{last}"
            yield Evidence(t=injection.t, source="fault", text=text)
