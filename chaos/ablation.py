"""The ablation: the same storm once with everything in place, and once without each item of its defenses. Pure.

What breaks only when it is taken away is what held the storm off; what nobody misses was not put to the test by it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chaos.defenses import registry, strip
from chaos.judging.verdict import VerdictName
from chaos.manifests import Manifests
from chaos.result import Impact, Result
from chaos.scenario import Scenario, Variant

COMPLETE = "complete"
# As many as a scenario of two variants deploys at once, which every cluster that runs it can carry.
AT_ONCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablated:
    """What one item was worth in this storm."""

    item: str
    """`replicas.spread`; "" is the workload with everything in place."""
    defense: str
    verdict: VerdictName
    impact: Impact | None
    needed: bool | None
    """Whether the defense breaks without it and holds with it; None when one of the two could not be proven."""


def items(scenario: Scenario, manifests: Manifests) -> list[str]:
    """The items of the scenario's defenses whose removal changes its manifests."""
    named = [f"{name}.{item.name}" for name in scenario.defenses for item in registry[name].items]
    return [name for name in named if _data(strip(manifests, [name])) != _data(manifests)]


def _data(manifests: Manifests) -> list[object]:
    return [manifest.data for manifest in manifests]


def storms(scenario: Scenario, removed: Iterable[str]) -> Iterator[Scenario]:
    """The scenarios to run: one with everything in place, and each item's removal, a few variants at a time."""
    variants = {COMPLETE: Variant(), **{_name(item): Variant(strip=[item]) for item in removed}}
    names = list(variants)
    for first in range(0, len(names), AT_ONCE):
        some = {name: variants[name] for name in names[first : first + AT_ONCE]}
        yield scenario.model_copy(update={"variants": some, "expect": {}})


def _name(item: str) -> str:
    return f"without-{item.replace('.', '-')}"[:40].rstrip("-")


def read(results: Iterable[Result]) -> list[Ablated]:
    """One row for each defense with everything in place, then one for each item."""
    found = [
        (variant.strip, verdict, variant.impact)
        for result in results
        for variant in result.variants
        for verdict in variant.verdicts
    ]
    whole = {verdict.defense: verdict.verdict for stripped, verdict, _ in found if not stripped}
    return [
        Ablated(
            item="".join(stripped),
            defense=verdict.defense,
            verdict=verdict.verdict,
            impact=impact,
            needed=_needed(whole.get(verdict.defense, "not_proven"), verdict.verdict) if stripped else None,
        )
        for stripped, verdict, impact in found
    ]


def _needed(whole: VerdictName, without: VerdictName) -> bool | None:
    return None if "not_proven" in (whole, without) or whole == "broke" else without == "broke"
