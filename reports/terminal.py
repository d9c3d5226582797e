"""The summary: what broke, why, and what to change, for somebody tired. Pure: results in, rich renderables out."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from chaos.result import DefenseVerdict, Difference, Impact, Result, VariantResult

WORDS = {
    "held": ("✔ HELD", "bold green"),
    "broke": ("✘ BROKE", "bold red"),
    "not_proven": ("? NOT PROVEN", "bold yellow"),
}
EVIDENCE_PER_CRITERION = 2


def summary(runs: list[tuple[Path, Result]]) -> RenderableType:
    """All of it; several runs end in a table of one line each."""
    blocks: list[RenderableType] = [_run(folder, result) for folder, result in runs]
    if len(runs) > 1:
        blocks.append(_overview([result for _, result in runs]))
    return Group(*blocks)


def _run(folder: Path, result: Result) -> RenderableType:
    head = Text.assemble("\n", (result.scenario, "bold"), f"  {result.title}")
    variants = [part for variant in result.variants for part in _variant(variant, result)]
    tail = [Text.assemble(("  report  ", "dim"), str(folder / "report.html"))]
    return Group(head, *variants, *_bought(result), *tail)


def _variant(variant: VariantResult, result: Result) -> Iterator[RenderableType]:
    for verdict in variant.verdicts:
        word, style = WORDS[verdict.verdict]
        yield Text.assemble(
            "\n  ",
            (f"{variant.name:<12}", "bold"),
            f"{verdict.defense:<15}",
            (word, style),
            _expectation(variant, verdict),
        )
        yield from _why(verdict, variant)
    if variant.impact:
        yield _indented(f"users    {_felt(variant.impact)}")
    for expected in variant.expected:
        if expected.met is not True and expected.what in {"detect", "recover"}:
            yield _indented(f"{expected.what}: wanted {expected.wanted}, got {expected.got}", "yellow")
    broken = [v for v in variant.verdicts if v.verdict == "broke" and v.advice]
    for verdict in broken:
        yield from _change(verdict, result)


def _expectation(variant: VariantResult, verdict: DefenseVerdict) -> Text:
    expected = next((e for e in variant.expected if e.what == verdict.defense), None)
    if expected is None:
        return Text("")
    if expected.met:
        return Text("  as expected", "dim")
    return Text(f"  expected {expected.wanted.replace('_', ' ')}", "bold yellow")


def _why(verdict: DefenseVerdict, variant: VariantResult) -> Iterator[RenderableType]:
    for reason in verdict.reasons:
        yield _indented(f"because  {reason.text}{_at(reason.t, variant)}", "yellow")
    for criterion in verdict.criteria:
        word, style = WORDS[criterion.verdict]
        yield _indented(Text.assemble((f"{word[0]} ", style), criterion.text))
        if criterion.verdict == verdict.verdict:
            for evidence in criterion.evidence[:EVIDENCE_PER_CRITERION]:
                yield _indented(f"  {_at(evidence.t, variant).strip() or '-':<9}{evidence.text}", "dim")


def _at(t: float | None, variant: VariantResult) -> str:
    """When it was, from the fault on."""
    begin = next((f.t for f in variant.fault if f.step == "inject"), None)
    return "" if t is None or begin is None else f" {t - begin:+.1f} s"


def _felt(impact: Impact) -> str:
    share = "not measured" if impact.failed_share is None else f"{impact.failed_share:.1%} failed"
    recovered = (
        "no recovery seen" if impact.recovered_after is None else f"well again after {impact.recovered_after:.1f} s"
    )
    parts = [
        f"{share} ({impact.failed} of {impact.requests})",
        f"longest outage {impact.longest_outage:.0f} s",
        recovered,
    ]
    if impact.lie_time:
        parts.append(f"Ready while failing for {impact.lie_time:.0f} s")
    if impact.bystanders_hurt:
        parts.append(f"bystanders hurt: {', '.join(impact.bystanders_hurt)}")
    return "; ".join(parts)


def _change(verdict: DefenseVerdict, result: Result) -> Iterator[RenderableType]:
    findings = verdict.advice.findings if verdict.advice else ()
    by_rule = {finding.rule: finding for finding in reversed(findings)}
    for finding in list(by_rule.values())[:3]:
        where = f"{finding.file}:{finding.line} " if finding.file else ""
        yield _indented(f"change   {where}{finding.object}: {finding.remedy}")
    if len(findings) > 3:
        yield _indented(f"         {len(findings)} findings in all; the patch is in the report of {result.run}", "dim")


def _bought(result: Result) -> Iterator[RenderableType]:
    """What the defense bought: the figures in which the variants differ."""
    shown = [d for d in result.differences if len({*d.values.values()}) > 1]
    if len(result.variants) < 2 or not shown:
        return
    table = Table(box=None, padding=(0, 2), show_edge=False)
    table.add_column("", style="dim")
    for variant in result.variants:
        table.add_column(variant.name, justify="right")
    for difference in shown:
        table.add_row(difference.what, *(_value(difference, variant.name) for variant in result.variants))
    yield Padding(table, (1, 0, 1, 2))


def _value(difference: Difference, variant: str) -> str:
    value = difference.values.get(variant)
    unit = f" {difference.unit}" if difference.unit else ""
    return "n/a" if value is None else f"{value:g}{unit}"


def _overview(results: list[Result]) -> RenderableType:
    table = Table(box=None, padding=(0, 2), show_edge=False)
    for column in ("scenario", "variant", "defense", "verdict", "failed", "as expected"):
        table.add_column(column)
    for result in results:
        for variant in result.variants:
            for verdict in variant.verdicts:
                table.add_row(*_overview_row(result, variant, verdict))
    return Padding(table, (1, 0))


def _overview_row(result: Result, variant: VariantResult, verdict: DefenseVerdict) -> list[RenderableType]:
    share = variant.impact.failed_share if variant.impact else None
    met = [e.met for e in variant.expected]
    answer = "no" if False in met else "not told" if None in met else "yes"
    word, style = WORDS[verdict.verdict]
    failed = "n/a" if share is None else f"{share:.1%}"
    return [result.scenario, variant.name, verdict.defense, Text(word, style), failed, answer]


def _indented(text: str | Text, style: str = "") -> RenderableType:
    return Padding(Text(text, style) if isinstance(text, str) else text, (0, 0, 0, 4))
