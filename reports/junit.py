"""The report for build servers: JUnit XML, one test case for each expectation of each variant. Pure.

An unmet expectation is a failure. What could not be told is an error, and one that was to be left unproven is skipped:
nothing that was not proven ever counts as passed.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from chaos.result import Expected, Result, VariantResult
from reports import story
from reports.words import plain


def render(result: Result) -> str:
    return render_all([result])


def render_all(results: Iterable[Result]) -> str:
    """A suite for each run."""
    root = Element("testsuites")
    root.extend(_suite(plain(result)) for result in results)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(clean: Result) -> Element:
    """Tests, failures, errors and skipped are counted as their elements are."""
    suite = Element("testsuite", name=clean.scenario, timestamp=_timestamp(clean))
    for variant in clean.variants:
        for expected in variant.expected:
            _case(suite, clean, variant, expected)
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for kind, plural in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(plural, str(sum(case.find(kind) is not None for case in cases)))
    return suite


def _timestamp(result: Result) -> str:
    return datetime.fromtimestamp(result.began, UTC).isoformat(timespec="seconds")


def _case(suite: Element, result: Result, variant: VariantResult, expected: Expected) -> None:
    case = SubElement(suite, "testcase", classname=f"{result.scenario}.{variant.name}", name=expected.what)
    told = f"wanted {expected.wanted}, got {expected.got}"
    if expected.got == "not_proven" and expected.met:
        SubElement(case, "skipped", message=told)
    elif expected.met is None or expected.got == "not_proven":
        SubElement(case, "error", message=told, type="not_proven").text = _evidence(variant, expected)
    elif not expected.met:
        SubElement(case, "failure", message=told, type=expected.got).text = _evidence(variant, expected)


def _evidence(variant: VariantResult, expected: Expected) -> str:
    """Why the verdict is what it is; of a bound, why the variant's verdicts are what they are."""
    about = [v for v in variant.verdicts if v.defense == expected.what] or variant.verdicts
    lines = [fact.text for verdict in about for fact in story.reasons(verdict, variant)]
    lines += [f"{answer.verdict}: {answer.text}" for verdict in about for answer in story.answers(verdict, variant)]
    return "\n".join(lines)
