"""The result of a run: everything a report needs, without the recording. Versioned; text in it is masked.

Times `t`, `begin` and `end` are seconds since the run began (`began`, Unix time); latencies are in milliseconds.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from chaos.judging.verdict import Criterion, Evidence, VerdictName
from chaos.mask import Text


class Value(BaseModel):
    """Base of a result's parts. Unknown keys are skipped, so that an older reader takes a newer result."""

    model_config = ConfigDict(frozen=True)


class PhaseResult(Value):
    """A phase and what users got in it. Quantiles are None when nothing was asked."""

    name: str
    begin: float
    end: float
    requests: int
    failed: int
    availability: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class Finding(Value):
    """Something the manifests lack: where, why it matters, what to do."""

    rule: str
    object: str
    container: str = ""
    file: str = ""
    line: int = 0
    what: Text
    why: str
    remedy: str


class Advice(Value):
    """What to change for a defense that broke: what is missing and where, and the patch that adds it."""

    findings: tuple[Finding, ...] = ()
    patch: Text = ""


class DefenseVerdict(Value):
    """One defense of one variant. `reasons` say why nothing could be proven; else `criteria` carry the verdict."""

    defense: str
    title: str
    stripped: bool
    verdict: VerdictName
    reasons: tuple[Evidence, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    advice: Advice | None = None


class Expected(Value):
    """One expectation and what came of it. `met` is None when it could not be told."""

    what: str
    wanted: str
    got: str
    met: bool | None
    explicit: bool = True
    """False for what every scenario expects: a defense that was not stripped holds."""


class Impact(Value):
    """What the fault cost, from the injection to the end of the recovery. None: not measured."""

    requests: int
    failed: int
    failed_share: float | None
    failures: dict[str, int]
    """By kind: timeout, refused, http-503 …"""
    longest_outage: float
    detected_after: float | None
    """Seconds from the fault to the first sign of it in the cluster."""
    first_sign: Evidence | None
    recovered_after: float | None
    """Seconds from the fault until users had their steady state back to stay."""
    restarts: int
    bystanders_hurt: tuple[str, ...]
    """Pods other than the fault's own that were killed, restarted, evicted or removed."""
    lie_time: float
    """Seconds in which users were failed while the fault's pods were Ready."""
    forbidden_allowed: int | None = None
    """Different forbidden things that were allowed; None for a fault that tries none."""
    pod_seconds: float | None = None
    """Of the target's pods, for every thousand requests answered; None for a target without an autoscaler."""
    cpu_seconds: float | None = None
    """The same in core-seconds that its pods requested."""


class Point(Value):
    """One second of load."""

    t: float
    arrivals: int
    ok: int
    failed: int
    p95: float | None


class Mark(Value):
    """Something that happened in the cluster."""

    t: float
    severity: Literal["info", "warning", "bad"]
    text: Text
    object: str


class FaultMark(Value):
    """A step of the fault."""

    t: float
    step: Literal["inject", "act", "witness", "undo"]
    ok: bool
    target: str
    text: Text


class Snapshot(Value):
    """What a kubectl command would have shown."""

    t: float
    when: str
    command: str
    text: Text


class VariantResult(Value):
    """Everything about one variant."""

    name: str
    namespace: str
    node: str
    strip: tuple[str, ...]
    verdicts: tuple[DefenseVerdict, ...]
    expected: tuple[Expected, ...]
    impact: Impact | None
    """None when no fault was injected."""
    phases: tuple[PhaseResult, ...]
    timeline: tuple[Point, ...]
    marks: tuple[Mark, ...]
    fault: tuple[FaultMark, ...]
    shown: tuple[Snapshot, ...]


class Difference(Value):
    """One figure of every variant, side by side. None: not measured there."""

    what: str
    unit: str
    values: dict[str, float | None]


class Result(Value):
    """One run of one scenario, judged."""

    format: Literal[1] = 1
    run: str
    seawall: str
    context: str
    kubernetes: str
    seed: int
    file: str = ""
    """The scenario's file, as the run was told it; empty in recordings of older versions."""
    began: float
    scenario: str
    pattern: str
    title: str
    lesson: str
    defenses: tuple[str, ...]
    fault: str
    fault_parameters: dict[str, Any]
    promise: dict[str, str]
    promised_p95: float | None = None
    """The promise's p95 as a number, in milliseconds."""
    load: dict[str, Any] = {}
    """Who came: service, locustfile, arrivals or users, timeout, as the scenario says it."""
    variants: tuple[VariantResult, ...]
    differences: tuple[Difference, ...]
    exit_code: Literal[0, 1, 2]
    """0: every expectation met; 1: some defense broke that should have held, or the reverse; 2: not proven."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `result.json`."""
    schema = Result.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Seawall result"}
