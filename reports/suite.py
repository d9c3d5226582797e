"""Many runs together: one page with the scorecard and every verdict, and one JUnit file. Pure."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from chaos.judging.verdict import VerdictName
from chaos.result import Result
from reports import figures, junit, scorecard, story, words
from reports.html import environment, ours

Runs = Sequence[tuple[str, Result]]
"""Each run's report, as the page sees it, and its result."""


class Row(NamedTuple):
    """One verdict of one variant."""

    report: str
    scenario: str
    variant: str
    defense: str
    verdict: VerdictName
    expectation: str
    failed: str
    outage: str


def html(runs: Runs) -> str:
    """One page that opens offline and leads to each run's own report."""
    clean = [(report, words.plain(result)) for report, result in runs]
    results = [result for _, result in clean]
    card = scorecard.scorecard(results)
    began = min(result.began for result in results)
    return environment.get_template("suite.html.j2").render(
        rows=[row for report, result in clean for row in _rows(report, result)],
        storms=len(results),
        card=card,
        answer=scorecard.answer(card).split(". ", 1),
        columns=scorecard.COLUMNS,
        checks=(*scorecard.CHECKS, *scorecard.BEYOND),
        words=words,
        began=datetime.fromtimestamp(began, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        style=ours("report.css"),
    )


def _rows(report: str, result: Result) -> Iterator[Row]:
    for variant in result.variants:
        told = {figure.name: figure.value for figure in figures.figures(variant)}
        cost = variant.impact
        for verdict in variant.verdicts:
            yield Row(
                report=report,
                scenario=result.scenario,
                variant=variant.name,
                defense=verdict.defense,
                verdict=verdict.verdict,
                expectation=story.of_defense(variant, verdict.defense),
                failed=words.share(cost.failed, cost.requests) if cost else words.NOT_MEASURED,
                outage=told.get("longest outage", words.NOT_MEASURED),
            )


def build_server(runs: Runs) -> str:
    """JUnit XML with a suite for each run."""
    return junit.render_all([result for _, result in runs])
