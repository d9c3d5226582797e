"""What a result has to tell, as plain values that every report lays out in its own way. Nothing here judges."""

import shlex
from typing import NamedTuple

from chaos.result import (
    DefenseVerdict,
    Expected,
    PhaseResult,
    Result,
    VariantResult,
)
from reports import course, figures
from reports.words import VERDICTS, plural

_WORST_FIRST = ("broke", "not_proven", "held")


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
        Answer(c.verdict, c.name, c.text, [Fact(course.moment(e.t, variant), e.text, e.source) for e in c.evidence])
        for c in ordered
    ]


def reasons(verdict: DefenseVerdict, variant: VariantResult) -> list[Fact]:
    """Why nothing could be proven."""
    return [Fact(course.moment(e.t, variant), e.text, e.source) for e in verdict.reasons]


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
        told = (
            "; ".join(f"{figure.name} {figure.value}" for figure in figures.figures(variant)) or "no fault was injected"
        )
        parts.append(f"{variant.name}: {told}.")
    return "Requests, failures, p95 and events over time. " + " ".join(parts)


def paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


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
