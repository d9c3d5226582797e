"""The summary: what broke, why, and what to change, for somebody tired. Pure: results in, rich renderables out."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from chaos.result import DefenseVerdict, Result, VariantResult
from reports import advice, figures, scorecard, story
from reports.words import NOT_MEASURED, NOT_SEEN, VERDICTS, one_line, plain, plural, share

STYLES = {"held": "bold green", "broke": "bold red", "not_proven": "bold yellow"}
FACTS = 3
CHANGES = 3
WIDTH = 80
# From so many scenarios on it is a suite, and worth a scorecard.
SUITE = 3

Line = tuple[Text | str, Text | str]
"""A label, and what stands beside it."""


def render(result: Result, folder: Path | None = None) -> str:
    """The summary of one run as plain text, 80 columns wide."""
    console = Console(file=StringIO(), width=WIDTH, color_system=None)
    console.print(summary([(folder, result)]), highlight=False)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"  # type: ignore[attr-defined]  # it is the StringIO above


def summary(runs: list[tuple[Path | None, Result]]) -> RenderableType:
    """All of it; several runs end in a table of one line each. Without a folder no report is pointed to."""
    told = [(folder, plain(result)) for folder, result in runs]
    blocks: list[RenderableType] = [_run(folder, result) for folder, result in told]
    if len(told) > 1:
        blocks.append(_overview([result for _, result in told]))
    if len(told) >= SUITE:
        blocks.append(scorecard.render(result for _, result in told))
    return Group(*blocks)


def _run(folder: Path | None, result: Result) -> RenderableType:
    head = Text.assemble("\n", (result.scenario, "bold"), f"  {one_line(result.title)}")
    lines: list[Line] = [("", "")] if not figures.differing(result) else []
    lines += [(Text("result", "bold"), Text(story.headline(result), "bold"))]
    patched = any(v.advice and v.advice.patch for variant in result.variants for v in variant.verdicts)
    lines += [("report", f"{folder / 'report.html'}{' (with the patch)' if patched else ''}")] if folder else []
    return Group(head, *(_variant(v) for v in result.variants), *_bought(result), _grid(lines, indent=2), Text())


def _variant(variant: VariantResult) -> RenderableType:
    parts: list[RenderableType] = []
    for verdict in variant.verdicts:
        parts += [_verdict(variant, verdict), _grid([*_why(variant, verdict)], indent=4, label=7)]
    parts.append(_grid([*_felt(variant), *_times(variant), *_changes(variant)], indent=4, label=7))
    return Group(*parts)


def _verdict(variant: VariantResult, verdict: DefenseVerdict) -> Text:
    word, told = VERDICTS[verdict.verdict], story.of_defense(variant, verdict.defense)
    return Text.assemble(
        "\n  ",
        (f"{variant.name:<12}", "bold"),
        f"{verdict.defense:<15}",
        (f"{word.mark} {word.text.upper()}", STYLES[verdict.verdict]),
        (f"  {told}" if told else "", "dim" if told == "as expected" else "bold yellow"),
    )


def _why(variant: VariantResult, verdict: DefenseVerdict) -> Iterator[Line]:
    for reason in story.reasons(verdict, variant):
        yield "because", _said(reason.text, reason.when)
    facts: list[story.Fact] = []
    for answer in story.answers(verdict, variant):
        yield Text(VERDICTS[answer.verdict].mark, STYLES[answer.verdict]), one_line(answer.text)
        if answer.verdict == verdict.verdict != "held":
            facts += answer.facts
    for fact in facts[:FACTS]:
        yield fact.when, Text(f"{fact.source}: {one_line(fact.text)}", "dim")


def _said(text: str, when: str) -> str:
    return f"{one_line(text)} ({when})" if when else one_line(text)


def _felt(variant: VariantResult) -> Iterator[Line]:
    cost = variant.impact
    if cost is None:
        yield "users", Text("no fault was injected, so its cost was not measured", "yellow")
        return
    told = {figure.name: figure for figure in figures.figures(variant)}
    failed, outage, well, p95 = (
        told[n] for n in ("requests failed", "longest outage", "users well again after", "p95")
    )
    if not cost.requests:
        yield "users", Text(f"{NOT_MEASURED}: there are no requests after the fault", "yellow")
        return
    recovered = _recovered(well)
    rate = share(cost.failed, cost.requests)
    count = failed.note.partition(":")[0]
    yield "users", f"{rate} failed ({count}); longest outage {outage.value}; {recovered}; p95 {p95.value}"
    if bill := told.get("bought for 1,000 requests"):
        yield "bill", f"{bill.value} and {bill.note} for 1,000 requests"
    yield from _let_on(variant, told)


def _recovered(well: figures.Figure) -> str:
    if well.value == NOT_SEEN:
        return "no recovery seen"
    return well.note if well.value == "0 s" else ", ".join(filter(None, [f"well again after {well.value}", well.note]))


def _let_on(variant: VariantResult, told: dict[str, figures.Figure]) -> Iterator[Line]:
    sign, cost = told["first sign in the cluster"], variant.impact
    lie = f"; Ready for {told['Ready while users failed'].value} while users failed" if cost and cost.lie_time else ""
    first = sign.note if sign.value == "none" else f"first sign {sign.value}: {one_line(sign.note)}"
    yield "cluster", first + lie
    said = " ".join(c.text for verdict in variant.verdicts for c in verdict.criteria)
    unsaid = [name for name in (cost.bystanders_hurt if cost else ()) if name not in said]
    if unsaid:
        yield "hurt", Text(f"others than the fault's own: {', '.join(unsaid)}", "bold red")


def _times(variant: VariantResult) -> Iterator[Line]:
    for expected in variant.expected:
        if expected.met is not True and expected.what in {"detect", "recover"}:
            yield expected.what, Text(f"wanted {expected.wanted}, got {expected.got}", "bold yellow")


def _changes(variant: VariantResult) -> Iterator[Line]:
    for verdict in variant.verdicts:
        found = advice.changes(verdict)
        for change in found[:CHANGES]:
            (place, object), *others = change.places
            more = f" and {plural(len(others), 'more place')}" if others else ""
            yield "change", Text.assemble((place or object, "bold"), f"{more}: {one_line(change.remedy)}")
        if len(found) > CHANGES:
            yield "", Text(f"and {plural(len(found) - CHANGES, 'more thing')} to change", "dim")


def _bought(result: Result) -> Iterator[RenderableType]:
    """What the defense bought: the figures in which the variants differ."""
    rows = figures.differing(result)
    if not rows:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
    table.add_column(figures.comparison(result).lower(), style="dim")
    for variant in result.variants:
        table.add_column(variant.name, justify="right")
    for row in rows:
        table.add_row(row.name, *row.values)
    yield Padding(table, (1, 0, 1, 2))


def _overview(results: list[Result]) -> RenderableType:
    table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    for column in ("scenario", "variant", "defense", "verdict", "failed", "expectation"):
        table.add_column(column)
    for result in results:
        for variant in result.variants:
            for verdict in variant.verdicts:
                table.add_row(*_overview_row(result, variant, verdict))
    return Padding(table, (0, 0, 1, 0))


def _overview_row(result: Result, variant: VariantResult, verdict: DefenseVerdict) -> list[RenderableType]:
    cost, word = variant.impact, VERDICTS[verdict.verdict]
    failed = share(cost.failed, cost.requests) if cost else NOT_MEASURED
    met = {e.met for e in variant.expected}
    told = "not met" if False in met else "not told" if None in met else "met" if met else "none"
    return [
        Text(result.scenario),
        Text(variant.name),
        verdict.defense,
        Text(f"{word.mark} {word.text.upper()}", STYLES[verdict.verdict]),
        failed,
        told,
    ]


def _grid(lines: list[Line], *, indent: int, label: int = 6) -> RenderableType:
    """Labels in a column of their own, so that what wraps stays beside them."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=label, style="dim", no_wrap=True)
    grid.add_column()
    for name, text in lines:
        grid.add_row(name, Text(text) if isinstance(text, str) else text)
    return Padding(grid, (0, 0, 0, indent))
