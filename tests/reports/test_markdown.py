"""The comment: short, and nothing that a cluster wrote is markup, a mention or a reference."""

import re

from chaos.result import Advice, Result
from reports import markdown
from tests.judge.tape import hang
from tests.reports.results import cut_short, hostile, leaking, lying, no_fault, no_samples, unproven


def outside_code(text: str) -> str:
    """What is read as Markdown: without fenced blocks and code spans."""
    without_blocks = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"(?<!\\)(`+)(?!`).*?(?<!`)\1(?!`)", "", without_blocks)


def test_the_table_has_every_variant_and_verdict() -> None:
    text = markdown.render(lying())
    assert "| undefended | health-checks | **✘ broke** | as expected | 21.1% | 26 s | 26.2 s |" in text
    assert "| defended | health-checks | **✔ held** | as expected | 3.2% | 4 s | 4.2 s |" in text


def test_what_was_seen_is_told_with_its_time() -> None:
    assert "- +7.5 s `container newsletter ended: OOMKilled, exit code 137`" in markdown.render(leaking())


def test_it_says_what_to_change_where_and_how() -> None:
    text = markdown.render(leaking())
    assert re.search(r"- Set resources\.limits: .* \(`workloads/shop\.yaml:\d+`", text)
    assert "```diff\n--- deployment/storefront (workloads/shop.yaml:" in text


def test_what_the_defense_bought_is_there_and_not_of_a_single_variant() -> None:
    assert "| failed requests | 338 | 52 | -286 |" in markdown.render(lying())
    assert "bought" not in markdown.render(hang().judged())


def test_not_proven_says_why_and_is_nowhere_held() -> None:
    for result in (unproven(), cut_short(), no_samples(), no_fault()):
        text = markdown.render(result)
        assert "**? not proven**" in text
        assert "✔" not in text
        for reason in (r for v in result.variants for d in v.verdicts for r in d.reasons):
            assert reason.text in text


def test_what_was_not_measured_is_said_to_be_missing() -> None:
    assert "| not measured | not measured | not seen |" in markdown.render(no_samples())
    assert "No fault was injected, so its cost was not measured." in markdown.render(no_fault())


def test_hostile_text_stays_text() -> None:
    text = outside_code(markdown.render(hostile()))
    assert not re.search(r"(?<!\\)<(?!/?(details|summary|sub)>)", text)
    assert not re.search(r"@\w", text)
    assert not re.search(r"(?<!&)#\d", text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", text)


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    tables = re.findall(r"(?:^\|.*\n)+", markdown.render(hostile()), re.MULTILINE)
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1


def test_a_patch_with_a_fence_in_it_does_not_end_the_block() -> None:
    assert "````diff\n" in markdown.render(hostile())


def test_a_comment_is_never_too_long_for_its_patch() -> None:
    text = markdown.render(with_patch(lying(), "+ line\n" * 20_000))
    assert "it is in `report.html`" in text
    assert len(text) < 65_536


def with_patch(result: Result, patch: str) -> Result:
    advice = Advice(patch=patch)
    variants = tuple(
        v.model_copy(update={"verdicts": tuple(d.model_copy(update={"advice": advice}) for d in v.verdicts)})
        for v in result.variants
    )
    return result.model_copy(update={"variants": variants})
