"""Which items an ablation takes away, and what it reads from what came of it."""

from pathlib import Path

import pytest

from chaos.ablation import COMPLETE, items, read, storms
from chaos.judging.verdict import VerdictName
from chaos.manifests import Manifests, load
from chaos.result import DefenseVerdict, Result, VariantResult
from chaos.scenario import Scenario
from chaos.scenario import read as read_scenario
from tests.judge.tape import hang

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def library(name: str) -> tuple[Scenario, Manifests]:
    scenario = read_scenario(SCENARIOS / f"{name}.yaml")
    return scenario, load(scenario.manifest_paths, scenario.folder)


def test_only_what_is_in_place_is_taken_away() -> None:
    scenario, manifests = library("lying-health-checks")
    assert items(scenario, manifests) == [
        "health-checks.readiness",
        "health-checks.liveness",
        "health-checks.independence",
        "health-checks.startup",
    ]


def test_every_item_meets_the_storm_once_and_the_complete_workload_too() -> None:
    scenario, manifests = library("node-drain")
    removed = items(scenario, manifests)
    planned = [variant for storm in storms(scenario, removed) for variant in storm.variants.items()]
    assert planned[0] == (COMPLETE, planned[0][1])
    assert not planned[0][1].strip
    assert [v.strip for _, v in planned[1:]] == [[item] for item in removed]
    assert all(len(storm.variants) <= 2 for storm in storms(scenario, removed))
    assert all(storm.folder == scenario.folder for storm in storms(scenario, removed))


def result(**verdicts: VerdictName) -> Result:
    """A variant for each name, "" for the complete one, judged so."""
    (like,) = hang().judged().variants
    (verdict, *_) = like.verdicts
    variants = [_variant(like, verdict, item, said) for item, said in verdicts.items()]
    return hang().judged().model_copy(update={"variants": tuple(variants)})


def _variant(like: VariantResult, verdict: DefenseVerdict, item: str, said: VerdictName) -> VariantResult:
    strip = () if item == COMPLETE else (f"health-checks.{item}",)
    return like.model_copy(
        update={"name": item, "strip": strip, "verdicts": (verdict.model_copy(update={"verdict": said}),)}
    )


@pytest.mark.parametrize(
    ("whole", "without", "needed"),
    [
        ("held", "broke", True),
        ("held", "held", False),
        ("held", "not_proven", None),
        ("not_proven", "broke", None),
        ("broke", "broke", None),
    ],
)
def test_needed_is_what_held_with_it_and_broke_without(
    whole: VerdictName, without: VerdictName, needed: bool | None
) -> None:
    rows = read([result(complete=whole), result(liveness=without)])
    assert [(row.item, row.needed) for row in rows] == [("", None), ("health-checks.liveness", needed)]
