"""The scorecard: a check that nothing put to the test is never counted as held."""

from io import StringIO

from rich.console import Console

from chaos.result import Result
from reports.scorecard import CHECKS, PATTERNS, answer, render, scorecard, standing
from tests.reports.results import leaking, lying


def held_everywhere() -> list[Result]:
    """Every check held once, whatever the scenario."""
    return [_of(check, "held") for check in CHECKS]


def _of(check: str, verdict: str, *, stripped: bool = False) -> Result:
    data = lying().model_dump(mode="json")
    data["variants"] = [v for v in data["variants"] if v["name"] == "defended"]
    data["variants"][0]["verdicts"][0] |= {"defense": check, "verdict": verdict}
    data["variants"][0]["strip"] = ["health-checks.readiness"] if stripped else []
    return Result.model_validate(data)


def text(results: list[Result]) -> str:
    out = StringIO()
    Console(file=out, width=100, color_system=None).print(render(results))
    return out.getvalue()


def test_a_cell_counts_variants_in_which_the_defense_was_in_place() -> None:
    card = scorecard([lying(), leaking()])
    assert set(card) == {("lying-health-checks", "health-checks"), ("oomkilled-surprise", "resources")}
    cell = card["lying-health-checks", "health-checks"]
    assert (cell.verdict, cell.held, cell.judged) == ("held", 1, 1)


def test_one_broken_verdict_outweighs_any_number_that_held() -> None:
    card = scorecard([_of("replicas", "held"), _of("replicas", "broke"), _of("replicas", "not_proven")])
    assert standing(card)["replicas"] == "broke"


def test_a_workload_is_production_ready_only_when_all_six_were_tried_and_held() -> None:
    assert answer(scorecard(held_everywhere())).startswith("Production-ready: yes")
    for index, check in enumerate(CHECKS):
        without = [r for i, r in enumerate(held_everywhere()) if i != index]
        assert f"{check} was not exercised" in answer(scorecard(without))
        assert f"{check} not proven" in answer(scorecard([*without, _of(check, "not_proven")]))
        assert f"{check} broke" in answer(scorecard([*without, _of(check, "broke")]))


def test_nothing_at_all_is_no_yes() -> None:
    assert "not shown" in answer(scorecard([]))


def test_a_verdict_of_a_stripped_variant_fills_no_cell() -> None:
    assert scorecard([_of("rbac", "broke", stripped=True)]) == {}


def test_the_table_has_a_row_for_every_check_and_a_column_for_every_pattern() -> None:
    shown = text([lying()])
    assert all(check in shown for check in CHECKS)
    assert all(pattern.split("-")[0] in shown for pattern in PATTERNS)
    assert "✔ 1/1" in shown


def test_a_storm_that_belongs_to_no_single_pattern_is_in_the_table_too() -> None:
    drained = _of("replicas", "broke").model_copy(update={"pattern": "all"})
    assert "✘ 0/1" in text([drained])
