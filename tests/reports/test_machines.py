"""Reports that machines read: JUnit for build servers, SARIF for code scanners."""

import json
from typing import Any
from xml.etree import ElementTree as ET

from chaos.result import Result
from reports import junit, sarif
from tests.judge.tape import hang, lie
from tests.reports.results import lying


def cases(result: Result) -> dict[str, str]:
    """Each test case and how it ended."""
    root = ET.fromstring(junit.render(result))  # noqa: S314  # our own text, made a moment ago
    found = {}
    for case in root.iter("testcase"):
        ended = next((kind for kind in ("failure", "error", "skipped") if case.find(kind) is not None), "passed")
        found[f"{case.get('classname')} {case.get('name')}"] = ended
    return found


def changed(result: Result, **keys: Any) -> Result:
    """The result with every expectation changed in the same way."""
    variants = [
        v.model_copy(update={"expected": tuple(e.model_copy(update=keys) for e in v.expected)}) for v in result.variants
    ]
    return result.model_copy(update={"variants": tuple(variants)})


class TestJUnit:
    def test_what_came_as_expected_has_passed(self) -> None:
        found = cases(lying())
        assert found["lying-health-checks.undefended health-checks"] == "passed"
        assert found["lying-health-checks.defended health-checks"] == "passed"

    def test_an_unmet_expectation_is_a_failure_with_its_evidence(self) -> None:
        text = junit.render(changed(lying(), met=False, got="broke"))
        assert 'failures="' in text
        assert set(cases(changed(lying(), met=False, got="broke")).values()) == {"failure"}
        assert "storefront" in "".join(ET.fromstring(text).itertext())  # noqa: S314  # our own text

    def test_what_was_not_proven_never_passes(self) -> None:
        assert set(cases(changed(lying(), met=None, got="not_proven")).values()) == {"error"}
        assert set(cases(changed(lying(), met=False, got="not_proven")).values()) == {"error"}
        assert set(cases(changed(lying(), met=True, got="not_proven")).values()) == {"skipped"}
        assert set(cases(changed(lying(), met=None, got="not measured")).values()) == {"error"}

    def test_the_suite_counts_its_cases(self) -> None:
        suite = ET.fromstring(junit.render(lying())).find("testsuite")  # noqa: S314  # our own text
        assert suite is not None
        assert int(suite.get("tests", "0")) == len(suite.findall("testcase")) > 0
        assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("0", "0", "0")

    def test_text_from_the_cluster_breaks_no_xml(self) -> None:
        variant = lying().variants[0].model_copy(update={"name": "a<b>&\x07\x1b[31m"})
        assert cases(lying().model_copy(update={"variants": (variant,)}))


def log(result: Result) -> dict[str, Any]:
    (run,) = json.loads(sarif.render(result))["runs"]
    found: dict[str, Any] = run
    return found


class TestSarif:
    def test_what_a_defense_lacks_stands_at_its_file_and_line(self) -> None:
        found = [one for one in log(lying())["results"] if "locations" in one]
        place = found[0]["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"].endswith(".yaml")
        assert place["region"]["startLine"] > 0

    def test_every_result_has_a_rule(self) -> None:
        run = log(changed(lying(), met=False))
        rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
        assert {one["ruleId"] for one in run["results"]} == rules

    def test_an_unmet_expectation_is_an_error_and_an_unproven_one_a_warning(self) -> None:
        def levels(result: Result) -> set[str]:
            return {one["level"] for one in log(result)["results"] if "locations" not in one}

        assert levels(changed(hang().judged(), met=False)) == {"error"}
        assert levels(changed(hang().judged(), met=None)) == {"warning"}
        assert levels(changed(lie().judged(), met=True)) == set()
