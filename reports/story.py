"""What a result has to tell, as plain values that every report lays out in its own way. Nothing here judges."""

import shlex
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from chaos.result import (
    DefenseVerdict,
    Difference,
    Expected,
    Finding,
    Impact,
    PhaseResult,
    Point,
    Result,
    Snapshot,
    VariantResult,
)
from reports.words import NOT_MEASURED, NOT_SEEN, VERDICTS, count, milliseconds, plural, seconds, share

_WORST_FIRST = ("broke", "not_proven", "held")


def zero(variant: VariantResult) -> float | None:
    """When the fault came, in seconds of the run; None when none was injected."""
    return next((step.t for step in variant.fault if step.step == "inject" and step.ok), None)


def moment(t: float | None, variant: VariantResult) -> str:
    """`+4.1 s` from the fault on; without a fault, the second of the run. Empty for what has no moment."""
    begin = zero(variant)
    if t is None:
        return ""
    return f"{t:.1f} s" if begin is None else f"{round(t - begin, 1) + 0.0:+.1f} s"


def span(variant: VariantResult) -> str:
    """What `moment` counts from."""
    return "seconds since the run began; no fault was injected" if zero(variant) is None else "seconds since the fault"


class Fact(NamedTuple):
    """Something seen. `when` is empty when it has no moment."""

    when: str
    text: str
    source: str


class Answer(NamedTuple):
    """A criterion's answer and what it rests on, oldest first."""

    verdict: str
    name: str
    text: str
    facts: list[Fact]


def answers(verdict: DefenseVerdict, variant: VariantResult) -> list[Answer]:
    """What decided comes first: broken criteria, then unproven ones, then those that held."""
    ordered = sorted(verdict.criteria, key=lambda c: _WORST_FIRST.index(c.verdict))
    return [
        Answer(c.verdict, c.name, c.text, [Fact(moment(e.t, variant), e.text, e.source) for e in c.evidence])
        for c in ordered
    ]


def reasons(verdict: DefenseVerdict, variant: VariantResult) -> list[Fact]:
    """Why nothing could be proven."""
    return [Fact(moment(e.t, variant), e.text, e.source) for e in verdict.reasons]


class Told(NamedTuple):
    """One thing in the course of a variant. `kind`: inject, act, witness, unseen, undo, or a mark's severity."""

    t: float
    when: str
    kind: str
    text: str
    object: str


def course(variant: VariantResult) -> list[Told]:
    """The steps of the fault and what happened in the cluster, oldest first."""
    marks = [Told(m.t, moment(m.t, variant), m.severity, m.text, m.object) for m in variant.marks]
    return sorted([*_steps(variant), *marks], key=lambda told: told.t)


def _steps(variant: VariantResult) -> Iterator[Told]:
    """A witness looks every second; it is told when it sees something else than before."""
    saw: dict[str, bool] = {}
    for f in variant.fault:
        if f.step == "witness" and saw.get(f.target) is f.ok:
            continue
        if f.step == "witness":
            saw[f.target] = f.ok
        kind = "unseen" if f.step == "witness" and not f.ok else f.step
        yield Told(f.t, moment(f.t, variant), kind, _step(f.step, f.ok, f.text), f.target)


def _step(step: str, ok: bool, text: str) -> str:
    said = {
        ("inject", True): "the fault was injected",
        ("inject", False): "the fault could not be injected",
        ("act", True): "the fault went on",
        ("act", False): "the cluster refused the fault",
        ("witness", True): "a witness saw the fault bite",
        ("witness", False): "the witness saw no fault",
        ("undo", True): "the fault was undone",
        ("undo", False): "the fault could not be undone",
    }[step, ok]
    return f"{said}: {text}" if text else said


def measured(variant: VariantResult) -> list[Point]:
    """The seconds of load that lie within the phases: not the warming up, nor the second in which the load ended."""
    if not variant.phases:
        return list(variant.timeline)
    begin, end = variant.phases[0].begin, variant.phases[-1].end
    return [p for p in variant.timeline if begin <= p.t and p.t + 1 <= end]


class Figure(NamedTuple):
    """A figure with its name and a remark."""

    name: str
    value: str
    note: str = ""


def figures(variant: VariantResult) -> list[Figure]:
    """What users felt and what the cluster let on, of the time from the fault to the end of the run."""
    cost = variant.impact
    if cost is None:
        return []
    kinds = ", ".join(f"{count(n)} {kind}" for kind, n in cost.failures.items())
    of_all = f"{count(cost.failed)} of {count(cost.requests)}" if cost.requests else ""
    return [
        Figure("requests failed", share(cost.failed, cost.requests), f"{of_all}{f': {kinds}' if kinds else ''}"),
        Figure("longest outage", seconds(cost.longest_outage) if cost.requests else NOT_MEASURED),
        _recovery(cost.recovered_after, variant),
        _p95(variant.phases),
        _first_sign(variant),
        Figure("Ready while users failed", seconds(cost.lie_time) if cost.requests else NOT_MEASURED),
        Figure("others hurt", count(len(cost.bystanders_hurt)), ", ".join(cost.bystanders_hurt)),
        *_bill(cost),
    ]


def _bill(cost: Impact) -> list[Figure]:
    if cost.pod_seconds is None or cost.cpu_seconds is None:
        return []
    requested = f"{count(cost.cpu_seconds)} core-seconds requested"
    return [Figure("bought for 1,000 requests", f"{count(cost.pod_seconds)} pod-seconds", requested)]


def _recovery(after: float | None, variant: VariantResult) -> Figure:
    name = "users well again after"
    if after is None:
        return Figure(name, NOT_SEEN)
    if after == 0:
        return Figure(name, "0 s", "their steady state was never lost")
    ends = next((phase.end for phase in variant.phases if phase.name == "fault"), None)
    healed = ends is not None and after >= ends - (zero(variant) or 0)
    return Figure(name, f"{after:.1f} s", "only once the fault was undone" if healed else "")


def _p95(phases: tuple[PhaseResult, ...]) -> Figure:
    by_name = {phase.name: phase.p95 for phase in phases}
    before, during = by_name.get("baseline"), by_name.get("fault")
    if before is None and during is None:
        return Figure("p95", NOT_MEASURED)
    return Figure("p95", f"{milliseconds(before)} → {milliseconds(during)}", "before → during the fault")


def _first_sign(variant: VariantResult) -> Figure:
    sign = variant.impact.first_sign if variant.impact else None
    if sign is None:
        return Figure("first sign in the cluster", "none", "nothing told of the fault")
    return Figure("first sign in the cluster", moment(sign.t, variant), sign.text)


def headline(result: Result) -> str:
    """The whole result in one sentence."""
    missed = sum(e.met is False for v in result.variants for e in v.expected)
    if not result.variants:
        return "Nothing was run, so nothing is proven."
    if result.exit_code == 1:
        return f"{plural(missed, 'expectation was', 'expectations were')} not met."
    if result.exit_code == 2:
        return "Not everything could be proven."
    return "Everything came as expected."


def expectation(expected: Expected) -> str:
    """`as expected`, `expected held`, `expected held, could not be told`."""
    wanted = VERDICTS[expected.wanted].text if expected.wanted in VERDICTS else expected.wanted
    if expected.met:
        return "as expected"
    return f"expected {wanted}" + (", could not be told" if expected.met is None else "")


def of_defense(variant: VariantResult, defense: str) -> str:
    """What was expected of a defense and whether it came so; empty when nothing was."""
    return next((expectation(e) for e in variant.expected if e.what == defense), "")


def without(variant: VariantResult) -> str:
    """`without health-checks`, `with every defense in place`."""
    return f"without {', '.join(variant.strip)}" if variant.strip else "with every defense in place"


def comparison(result: Result) -> str:
    """What the figures side by side are. Of verdicts that were not proven nobody can say that a defense bought them."""
    if any(v.verdict == "not_proven" for variant in result.variants for v in variant.verdicts):
        return "What was measured, though not proven"
    return "What the defense bought" if len(result.variants) > 1 else "What it cost"


class Row(NamedTuple):
    """A figure of every variant, and what the better defended one has more or less of it ("" for not to be said)."""

    name: str
    values: list[str]
    difference: str


def bought(result: Result) -> list[Row]:
    """Every figure side by side, those first in which the variants differ."""
    rows = [_row(difference, result) for difference in result.differences]
    return sorted(rows, key=lambda row: len(set(row.values)) == 1)


def differing(result: Result) -> list[Row]:
    """The figures in which the variants differ; none of a single variant."""
    return [row for row in bought(result) if len(set(row.values)) > 1]


def _row(difference: Difference, result: Result) -> Row:
    values = [_value(difference, variant.name) for variant in result.variants]
    return Row(difference.what, values, _less(difference, result.variants))


def _value(difference: Difference, variant: str) -> str:
    value = difference.values.get(variant)
    if value is None:
        return NOT_SEEN if difference.what in {"detected after", "recovered after"} else NOT_MEASURED
    return _with_unit(count(value), difference.unit)


def _with_unit(number: str, unit: str) -> str:
    return f"{number}{unit}" if unit == "%" else f"{number} {unit}".strip()


def _less(difference: Difference, variants: tuple[VariantResult, ...]) -> str:
    """Of the most defended variant against the least defended one."""
    ordered = sorted(variants, key=lambda v: len(v.strip))
    if len(ordered) < 2 or len(ordered[0].strip) == len(ordered[-1].strip):
        return ""
    best, worst = (difference.values.get(v.name) for v in (ordered[0], ordered[-1]))
    if best is None or worst is None:
        return ""
    if best == worst:
        return "0"
    sign = "-" if best < worst else "+"
    return sign + _with_unit(count(abs(best - worst)), "points" if difference.unit == "%" else difference.unit)


class Change(NamedTuple):
    """One thing to change, and everywhere it is missing: (`file:line`, object)."""

    rule: str
    why: str
    remedy: str
    places: list[tuple[str, str]]


def changes(verdict: DefenseVerdict) -> list[Change]:
    """What to change for a defense that broke, rule by rule, in the order of the audit."""
    findings = verdict.advice.findings if verdict.advice else ()
    order = {finding.rule: number for number, finding in reversed(list(enumerate(findings)))}
    ordered = sorted(findings, key=lambda finding: order[finding.rule])
    return [_change(rule, list(same)) for rule, same in groupby(ordered, key=lambda finding: finding.rule)]


def _change(rule: str, findings: list[Finding]) -> Change:
    places = dict.fromkeys((_place(finding), _object(finding)) for finding in findings)
    return Change(rule, findings[0].why, findings[0].remedy, list(places))


def _place(finding: Finding) -> str:
    return f"{finding.file}:{finding.line}" if finding.line else finding.file


def _object(finding: Finding) -> str:
    return f"{finding.object} ({finding.container})" if finding.container else finding.object


def setting(result: Result) -> str:
    """What was done to whom under which load, in one sentence."""
    parameters = ", ".join(f"{key}: {value}" for key, value in result.fault_parameters.items())
    fault = f"Fault: {result.fault}" + (f" ({parameters})" if parameters else "")
    coming = result.load.get("arrivals") or (f"{result.load['users']} users" if "users" in result.load else "")
    load = f"load: {coming} to {result.load.get('service', '')}" if coming else ""
    promise = (
        ", ".join(f"{name} {bound}" for name, bound in result.promise.items()).replace(">=", "≥").replace("<=", "≤")
    )
    return "; ".join(part for part in (fault, load, f"promised: {promise}" if promise else "") if part) + "."


def worst(variant: VariantResult) -> str:
    """The verdict that stands for the variant; `not_proven` when nothing was judged."""
    return min((v.verdict for v in variant.verdicts), key=_WORST_FIRST.index, default="not_proven")


def spoken(result: Result) -> str:
    """The timeline for those who do not see it."""
    parts = []
    for variant in result.variants:
        told = "; ".join(f"{figure.name} {figure.value}" for figure in figures(variant)) or "no fault was injected"
        parts.append(f"{variant.name}: {told}.")
    return "Requests, failures, p95 and events over time. " + " ".join(parts)


def paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def advised(result: Result) -> list[tuple[VariantResult, DefenseVerdict]]:
    """The verdicts that come with something to change."""
    return [
        (variant, verdict)
        for variant in result.variants
        for verdict in variant.verdicts
        if verdict.advice and (verdict.advice.findings or verdict.advice.patch)
    ]


def patches(verdict: DefenseVerdict) -> list[tuple[str, list[str]]]:
    """The patch, object by object: what it is for, and its lines."""
    found: list[tuple[str, list[str]]] = []
    for line in verdict.advice.patch.splitlines() if verdict.advice else ():
        if line.startswith("--- ") or not found:
            found.append((line.removeprefix("--- "), []))
        found[-1][1].append(line)
    return found


def kind_of_line(line: str) -> str:
    """Of a patch: `where`, `added`, `removed`, or empty for context."""
    if line.startswith(("---", "+++", "@@")):
        return "where"
    return {"+": "added", "-": "removed"}.get(line[:1], "")


def moments(variant: VariantResult) -> list[tuple[str, list[Snapshot]]]:
    """What was shown, by why it was taken, in the order of the run."""
    by_moment: dict[str, list[Snapshot]] = {}
    for snapshot in sorted(variant.shown, key=lambda s: s.t):
        by_moment.setdefault(snapshot.when, []).append(snapshot)
    return list(by_moment.items())


def command(result: Result) -> str:
    """What runs it again: the same seed gives the same load and the same victims."""
    return f"seawall run {shlex.quote(result.file or f'{result.scenario}.yaml')} --seed {result.seed}"


def by_phase(result: Result) -> list[tuple[PhaseResult, VariantResult]]:
    """Each phase of each variant, so that the variants of a phase stand together."""
    names = list(dict.fromkeys(phase.name for variant in result.variants for phase in variant.phases))
    pairs = [(phase, variant) for variant in result.variants for phase in variant.phases]
    return sorted(pairs, key=lambda pair: names.index(pair[0].name))


def identity(result: Result) -> list[tuple[str, str]]:
    """What a run has to be told apart and repeated by."""
    return [
        ("run", result.run),
        ("seed", str(result.seed)),
        ("pattern", result.pattern),
        ("Seawall", result.seawall),
        ("Kubernetes", result.kubernetes or "unknown"),
        ("context", result.context or "unknown"),
    ]
