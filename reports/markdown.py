"""The report for a pull-request comment: GitHub-flavoured Markdown."""

from chaos.result import Result, VariantResult

WORDS = {"held": "✔ held", "broke": "✘ broke", "not_proven": "? not proven"}


def render(result: Result) -> str:
    """The result as Markdown."""
    lines = [f"## {result.scenario}: {result.title}", ""]
    for variant in result.variants:
        lines += [f"### {variant.name}", "", *_verdicts(variant), ""]
    return "\n".join(lines)


def _verdicts(variant: VariantResult) -> list[str]:
    lines = []
    for verdict in variant.verdicts:
        lines.append(f"- **{WORDS[verdict.verdict]}** {verdict.title}")
        lines += [f"  - {reason.text}" for reason in verdict.reasons]
        lines += [f"  - {WORDS[c.verdict]}: {c.text}" for c in verdict.criteria]
    return lines
