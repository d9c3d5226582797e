"""The scorecard: five patterns by six checks (and storage), and whether the workload is production-ready. Pure.

A cell tells how a defense did with everything in place: the worst of its verdicts in the pattern's scenarios. A variant
that anything was stripped from shows what the storm does without it, and does not count here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from chaos.judging.verdict import VerdictName, worst
from chaos.result import Result
from reports.words import VERDICTS

PATTERNS = ("oomkilled-surprise", "rbac-blindspot", "lying-health-checks", "storage-and-state", "networking-mystery")
# Storms that belong to no single pattern.
COLUMNS = (*PATTERNS, "all")
LEGEND = "  ".join(map(str, VERDICTS.values())) + "  · not exercised; held / judged"
CHECKS = ("resources", "health-checks", "rbac", "replicas", "observability", "security")
BEYOND = ("storage",)
STYLES = {"held": "green", "broke": "bold red", "not_proven": "bold yellow"}


@dataclass(frozen=True, slots=True)
class Cell:
    """How a defense did in one pattern, and in how many judgements of how many it held."""

    verdict: VerdictName
    held: int
    judged: int


Card = dict[tuple[str, str], Cell]


def scorecard(results: Iterable[Result]) -> Card:
    """(pattern, defense) -> cell; what was not exercised is not in it."""
    found: dict[tuple[str, str], list[VerdictName]] = {}
    for result in results:
        for verdict in (v for variant in result.variants if not variant.strip for v in variant.verdicts):
            found.setdefault((result.pattern, verdict.defense), []).append(verdict.verdict)
    return {key: Cell(worst(said), said.count("held"), len(said)) for key, said in found.items()}


def standing(card: Card) -> dict[str, VerdictName | None]:
    """Each check of the six over all patterns; None where nothing put it to the test."""
    return {
        check: worst(said) if (said := [c.verdict for (_, d), c in card.items() if d == check]) else None
        for check in CHECKS
    }


def answer(card: Card) -> str:
    """Is this workload production-ready? Yes needs all six checks, each put to the test and held."""
    stands = standing(card)
    missing = [f"{check} {_word(verdict)}" for check, verdict in stands.items() if verdict != "held"]
    if not missing:
        return "Production-ready: yes. All six checks were put to the test, and held."
    return f"Production-ready: not shown. {', '.join(missing)}."


def _word(verdict: VerdictName | None) -> str:
    return "was not exercised" if verdict is None else VERDICTS[verdict].text


def render(results: Iterable[Result]) -> RenderableType:
    """The table, and the answer below it."""
    card = scorecard(results)
    table = Table(box=None, padding=(0, 1), show_edge=False)
    table.add_column("defense", no_wrap=True, min_width=13)
    for pattern in COLUMNS:
        words = pattern.split("-")
        table.add_column(" ".join(words), min_width=max(map(len, words)), max_width=10)
    for check in (*CHECKS, *BEYOND):
        table.add_row(check, *(_cell(card.get((pattern, check))) for pattern in COLUMNS))
    return Group(Padding(table, (1, 0, 0, 0)), Text(LEGEND, "dim"), Text(f"\n{answer(card)}", "bold"), Text())


def _cell(cell: Cell | None) -> Text:
    if cell is None:
        return Text("·", "dim")
    return Text(f"{VERDICTS[cell.verdict].mark} {cell.held}/{cell.judged}", STYLES[cell.verdict])
