"""The report for code scanners: SARIF 2.1.0. What the manifests lack stands at its file and line. Pure.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import json
from collections.abc import Iterable
from typing import Any

from chaos.result import Finding, Result, VariantResult
from reports import advice
from reports.words import plain

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

Obj = dict[str, Any]


def render(result: Result) -> str:
    """Expectations that were not met, and what is to be changed for each defense that broke."""
    clean = plain(result)
    unmet = [_unmet(clean, variant) for variant in clean.variants]
    advised = [finding for _, verdict in advice.advised(clean) if verdict.advice for finding in verdict.advice.findings]
    return _log(clean.seawall, advised, [one for found in unmet for one in found])


def audit(findings: Iterable[Finding], version: str) -> str:
    """What an audit found."""
    return _log(version, list(findings), [])


def _log(version: str, findings: list[Finding], others: list[Obj]) -> str:
    known = list(dict.fromkeys(findings))
    results = [*others, *map(_finding, known)]
    rules = {finding.rule: _rule(finding) for finding in known}
    rules |= {one["ruleId"]: {"id": one["ruleId"]} for one in others if one["ruleId"] not in rules}
    driver = {"name": "Seawall", "version": version, "rules": list(rules.values())}
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    return json.dumps(log, indent=1, ensure_ascii=False) + "\n"


def _rule(finding: Finding) -> Obj:
    return {"id": finding.rule, "shortDescription": {"text": finding.why}, "help": {"text": finding.remedy}}


def _finding(finding: Finding) -> Obj:
    container = f" container {finding.container}" if finding.container else ""
    text = f"{finding.object}{container}: {finding.what} {finding.remedy}"
    found: Obj = {"ruleId": finding.rule, "level": "warning", "message": {"text": text}}
    if finding.file:
        found["locations"] = [{"physicalLocation": _place(finding)}]
    return found


def _place(finding: Finding) -> Obj:
    place: Obj = {"artifactLocation": {"uri": finding.file}}
    return {**place, "region": {"startLine": finding.line}} if finding.line else place


def _unmet(result: Result, variant: VariantResult) -> list[Obj]:
    return [
        {
            "ruleId": f"{result.scenario}/{expected.what}",
            "level": "error" if expected.met is False else "warning",
            "message": {"text": f"{variant.name}: {expected.what}: wanted {expected.wanted}, got {expected.got}"},
        }
        for expected in variant.expected
        if not expected.met
    ]
