"""Many runs on one page."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from chaos.result import Result
from reports.suite import html
from reports.write import write_suite
from tests.reports.results import leaking, lying

RUNS = [("../a/report.html", lying()), ("../b/report.html", leaking())]


def text(page: str) -> str:
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).split())


def test_every_verdict_leads_to_its_runs_report() -> None:
    page = html(RUNS)
    assert page.count('href="../a/report.html"') == page.count('href="../b/report.html"') == 2
    assert "oomkilled-surprise undefended resources" in text(page)


def test_the_page_answers_the_question_and_says_what_was_not_tried() -> None:
    told = text(html(RUNS))
    assert "Production-ready: not shown" in told
    assert "rbac was not exercised" in told


def test_what_others_wrote_is_text() -> None:
    hostile = lying().model_copy(update={"scenario": "<script>alert(1)</script>"})
    assert "<script>" not in html([("r", hostile)])


def test_the_page_needs_nothing_from_elsewhere() -> None:
    assert not re.search(r'(src|href)="(https?:)?//', html(RUNS))


def test_files_point_from_their_own_folder(tmp_path: Path) -> None:
    runs: list[tuple[Path, Result]] = [(tmp_path / "1-lying", lying()), (tmp_path / "2-leaking", leaking())]
    page, junit = write_suite(runs, tmp_path / "3-suite")
    assert 'href="../1-lying/report.html"' in page.read_text()
    assert len(ET.parse(junit).getroot().findall("testsuite")) == 2  # noqa: S314  # our own file
