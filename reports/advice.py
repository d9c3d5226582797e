"""What to change for a defense that broke: the findings by rule, and the patch."""

from itertools import groupby
from typing import NamedTuple

from chaos.result import DefenseVerdict, Finding, Result, VariantResult


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
