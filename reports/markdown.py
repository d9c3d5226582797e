"""The report for a pull-request comment: GitHub-flavoured Markdown, short, with the rest folded away."""

import re
from collections.abc import Iterable, Iterator

from chaos.result import DefenseVerdict, Result, VariantResult
from reports import advice, figures, story
from reports.words import NOT_MEASURED, VERDICTS, one_line, plain, share

# A comment may have 65,536 characters; a patch longer than this is left to report.html.
PATCH_CHARACTERS = 20_000
FACTS = 3

_PUNCTUATION = re.compile(r"([\\`*_\[\]<>|~#$!])")
_CALLS = re.compile(r"(@|\\#)(?=\w)")


def render(result: Result) -> str:
    """The result as Markdown. What others wrote stands in it as text: no markup, no mention, no reference."""
    return "\n".join(_lines(plain(result))) + "\n"


def _lines(result: Result) -> Iterator[str]:
    yield f"## Seawall: {_text(result.scenario)}"
    yield f"\n**{_text(result.title)}.** {story.headline(result)}\n"
    yield from _table(
        ["variant", "defense", "verdict", "expectation", "failed", "longest outage", "users well again after"]
    )
    yield from (_row(_verdict(v, verdict)) for v in result.variants for verdict in v.verdicts)
    for variant in result.variants:
        yield from _why(variant)
    yield from _bought(result)
    yield from _changes(result)
    yield f"\n<sub>{_identity(result)}</sub>"


def _table(names: Iterable[str]) -> list[str]:
    listed = list(names)
    return [_row(listed), _row("---" for _ in listed)]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _verdict(variant: VariantResult, verdict: DefenseVerdict) -> Iterator[str]:
    told = {figure.name: figure.value for figure in figures.figures(variant)}
    cost = variant.impact
    yield _text(variant.name)
    yield _text(verdict.defense)
    yield f"**{VERDICTS[verdict.verdict]}**"
    yield story.of_defense(variant, verdict.defense) or "none"
    yield share(cost.failed, cost.requests) if cost else NOT_MEASURED
    yield told.get("longest outage", NOT_MEASURED)
    yield told.get("users well again after", NOT_MEASURED)


def _why(variant: VariantResult) -> Iterator[str]:
    for verdict in variant.verdicts:
        who = f"**{_text(variant.name)}** ({_text(story.without(variant))})"
        yield f"\n{who}: {verdict.title} {VERDICTS[verdict.verdict]}\n"
        yield from (_fact(reason, "- ") for reason in story.reasons(verdict, variant))
        for answer in story.answers(verdict, variant):
            yield f"- {VERDICTS[answer.verdict]}: {_text(answer.text)}"
            yield from (_fact(fact, "  - ") for fact in answer.facts[:FACTS])
    if variant.impact is None:
        yield "- No fault was injected, so its cost was not measured."


def _fact(fact: story.Fact, bullet: str) -> str:
    when = f"{fact.when} " if fact.when else ""
    return f"{bullet}{when}{_code(fact.text)} ({_text(fact.source)})"


def _bought(result: Result) -> Iterator[str]:
    rows = figures.differing(result)
    if not rows:
        return
    yield f"\n### {figures.comparison(result)}\n"
    yield from _table(["", *(_text(variant.name) for variant in result.variants), "difference"])
    yield from (_row([row.name, *row.values, row.difference]) for row in rows)


def _changes(result: Result) -> Iterator[str]:
    advised = advice.advised(result)
    if advised:
        yield "\n### What to change\n"
    for _, verdict in advised:
        for change in advice.changes(verdict):
            places = ", ".join(_code(place or object) for place, object in change.places)
            yield f"- {_text(change.remedy)} ({places})"
        yield from _patch(verdict.advice.patch if verdict.advice else "")


def _patch(patch: str) -> Iterator[str]:
    if len(patch) > PATCH_CHARACTERS:
        yield "\nThe patch is too long for a comment; it is in `report.html`."
    elif patch:
        fence = "`" * max(3, _longest_run(patch) + 1)
        yield f"\n<details><summary>The patch</summary>\n\n{fence}diff\n{patch.rstrip()}\n{fence}\n\n</details>"


def _identity(result: Result) -> str:
    told = ", ".join(f"{name} {_text(value)}" for name, value in story.identity(result))
    return f"{told}. Again: {_code(story.command(result))}"


def _text(text: str) -> str:
    escaped = _PUNCTUATION.sub(r"\\\1", one_line(text).replace("&", "&amp;"))
    return _CALLS.sub(r"\1&#8203;", escaped)


def _code(text: str) -> str:
    """A code span: nothing in it is read as Markdown."""
    line = one_line(text)
    fence = "`" * (_longest_run(line) + 1)
    pad = " " if "`" in line else ""
    return f"{fence}{pad}{line}{pad}{fence}" if line else ""


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
