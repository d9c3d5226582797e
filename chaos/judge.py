"""A recording judged: records in, the result out. Pure, so that old runs and runs cut short can be judged again.

The order is that of docs/verdicts.md: doubts first, and with any of them nothing is proven; then each defense by its
own criteria; then the expectations.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from chaos import recording
from chaos.defenses import registry
from chaos.impact import differences, impact, phase_results, timeline
from chaos.judging import unenforced
from chaos.judging.doubts import doubts
from chaos.judging.history import History, Objectives, history, started
from chaos.judging.lateness import read_kindly, starved
from chaos.judging.marks import marks
from chaos.judging.verdict import Criterion, Evidence, worst
from chaos.problems import InputErrors, Problem
from chaos.recording import Record, RunStarted
from chaos.result import (
    Advice,
    DefenseVerdict,
    Expected,
    FaultMark,
    Impact,
    Result,
    Snapshot,
    VariantResult,
)
from chaos.scenario import Expectation, Scenario

# What a defense has to do it in when the scenario does not say, in seconds.
DETECT_SECONDS = 10.0
RECOVER_SECONDS = 15.0

ExitCode = Literal[0, 1, 2]


def judge_file(path: Path) -> Result:
    """The result of a recording on disk. Raises `InputErrors` when it is none."""
    try:
        return judge(recording.read(path))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputErrors([Problem(str(path), 0, 0, f"cannot be read as a recording: {error!r}")]) from error


def judge(records: Iterable[Record]) -> Result:
    """The result of a run. Raises `InputErrors` when the records do not begin a run."""
    listed = list(records)
    start = started(listed)
    if start is None:
        raise InputErrors([Problem("recording", 0, 0, "holds no run: its first record is missing")])
    scenario = Scenario.model_validate(start.scenario)
    variants = tuple(_variant(listed, scenario, name, body) for name, body in start.variants.items())
    return _result(start, scenario, variants)


def exit_code(results: Sequence[Result]) -> ExitCode:
    """Of several runs: 1 if one of them broke an expectation, else 2 if something was not proven, else 0."""
    codes = {r.exit_code for r in results}
    return 1 if 1 in codes else 2 if 2 in codes or not codes else 0


def objectives(scenario: Scenario, variant: str) -> Objectives:
    """What is asked of a variant: its own bounds, else the loosest that another variant names, else the defaults.

    So all variants of a scenario are measured by one rule, also those that are expected to break.
    """
    own = scenario.expect.get(variant, Expectation())
    others = list(scenario.expect.values())
    return Objectives(
        promise=scenario.steady_state,
        detect=_bound([own], "detect") or _bound(others, "detect") or DETECT_SECONDS,
        recover=_bound([own], "recover") or _bound(others, "recover") or RECOVER_SECONDS,
        timeout=scenario.load.timeout.seconds,
        workers=scenario.load.workers,
        service=scenario.load.service,
        target=scenario.workload.target,
        bystanders=tuple(scenario.workload.bystanders),
    )


def _bound(expectations: Iterable[Expectation], key: str) -> float | None:
    bounds = (getattr(e, key) for e in expectations)
    return max((b.seconds for b in bounds if b is not None), default=None)


def _result(start: RunStarted, scenario: Scenario, variants: tuple[VariantResult, ...]) -> Result:
    return Result(
        run=start.run,
        seawall=start.seawall,
        context=start.context,
        kubernetes=start.kubernetes,
        seed=start.seed,
        file=start.file,
        began=start.wall - start.t,
        scenario=scenario.scenario,
        pattern=scenario.pattern,
        title=scenario.title,
        lesson=scenario.lesson,
        defenses=tuple(scenario.defenses),
        fault=scenario.fault_name,
        fault_parameters=scenario.fault_params,
        promise=scenario.steady_state.model_dump(mode="json", exclude_none=True),
        promised_p95=scenario.steady_state.p95.milliseconds if scenario.steady_state.p95 else None,
        load=scenario.load.model_dump(mode="json", exclude_none=True),
        variants=variants,
        differences=differences(variants),
        exit_code=_exit_code(variants),
    )


def _exit_code(variants: Sequence[VariantResult]) -> ExitCode:
    met = [e.met for v in variants for e in v.expected]
    unproven = any(d.verdict == "not_proven" and not _wanted(v, d) for v in variants for d in v.verdicts)
    if False in met:
        return 1
    return 2 if None in met or unproven or not variants else 0


def _wanted(variant: VariantResult, verdict: DefenseVerdict) -> bool:
    """Whether the scenario expected just this verdict, be it `not_proven`."""
    return any(e.what == verdict.defense and e.met for e in variant.expected)


def _variant(records: list[Record], scenario: Scenario, name: str, body: dict[str, Any]) -> VariantResult:
    past, wanted = history(records, name), objectives(scenario, name)
    kind = read_kindly(past, wanted)
    stripped = tuple(body.get("strip") or ())
    verdicts = _verdicts(past, kind, wanted, scenario, stripped, body.get("advice") or {})
    expect, cost = scenario.expect.get(name, Expectation()), impact(past, wanted)
    kind_cost = cost if kind is past else impact(kind, wanted)
    return VariantResult(
        name=name,
        namespace=str(body.get("namespace", "")),
        node=str(body.get("node", "")),
        strip=stripped,
        verdicts=verdicts,
        expected=tuple(_agreed(_expected(expect, verdicts, cost), _expected(expect, verdicts, kind_cost))),
        impact=cost,
        phases=phase_results(past, wanted),
        timeline=timeline(past, wanted),
        marks=marks(past),
        fault=tuple(FaultMark(t=f.t, step=f.step, ok=f.ok, target=f.target, text=f.detail) for f in past.faults),
        shown=tuple(Snapshot(t=s.t, when=s.when, command=s.command, text=s.text) for s in past.shown),
    )


def _verdicts(
    past: History,
    kind: History,
    wanted: Objectives,
    scenario: Scenario,
    stripped: tuple[str, ...],
    advice: dict[str, Any],
) -> tuple[DefenseVerdict, ...]:
    doubted = tuple(doubts(past, wanted))
    verdicts = []
    for name in scenario.defenses:
        reasons, criteria = (doubted, ()) if doubted else _judged(name, past, kind, wanted)
        verdict = worst(c.verdict for c in criteria)
        verdicts.append(
            DefenseVerdict(
                defense=name,
                title=registry[name].title,
                stripped=any(s.partition(".")[0] == name for s in stripped),
                verdict=verdict,
                reasons=reasons,
                criteria=criteria,
                advice=_advice(advice.get(name, {}), criteria) if verdict == "broke" else None,
            )
        )
    return tuple(verdicts)


def _judged(
    defense: str, past: History, kind: History, wanted: Objectives
) -> tuple[tuple[Evidence, ...], tuple[Criterion, ...]]:
    """Why it cannot be told, or else the criteria."""
    judged = registry[defense].judge
    strict = tuple(judged(past, wanted)) if judged else ()
    if judged is None or kind is past:
        return (), strict
    kindly = judged(kind, wanted)
    if worst(c.verdict for c in strict) == worst(c.verdict for c in kindly):
        return (), strict
    return (starved(past, wanted),), ()


def _advice(known: dict[str, Any], criteria: Sequence[Criterion]) -> Advice:
    return Advice.model_validate({**known, "findings": unenforced.findings(criteria, known.get("findings") or ())})


def _expected(wanted: Expectation, verdicts: Sequence[DefenseVerdict], cost: Impact | None) -> Iterator[Expected]:
    for verdict in verdicts:
        said = wanted.verdicts.get(verdict.defense)
        word = said or (None if verdict.stripped else "held")
        if word is not None:
            met = _met(word, verdict.verdict)
            yield Expected(what=verdict.defense, wanted=word, got=verdict.verdict, met=met, explicit=bool(said))
    proven = any(v.verdict != "not_proven" for v in verdicts)
    if wanted.detect is not None:
        yield _within("detect", wanted.detect.seconds, cost.detected_after if cost and proven else None)
    if wanted.recover is not None:
        yield _within("recover", wanted.recover.seconds, cost.recovered_after if cost and proven else None)


def _agreed(strict: Iterable[Expected], kindly: Iterable[Expected]) -> Iterator[Expected]:
    """What is met by one reading and not by the other cannot be told."""
    for one, other in zip(strict, kindly, strict=True):
        yield one if one.met == other.met else one.model_copy(update={"met": None})


def _met(wanted: str, got: str) -> bool | None:
    return True if wanted == got else None if got == "not_proven" else False


def _within(what: str, bound: float, measured: float | None) -> Expected:
    got = "not measured" if measured is None else f"{measured:.1f} s"
    met = None if measured is None else measured <= bound
    return Expected(what=what, wanted=f"<= {bound:g} s", got=got, met=met)
