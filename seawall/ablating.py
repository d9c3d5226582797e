"""`ablate`: which items of the defenses does a storm need?"""

import json
import sys
from dataclasses import asdict

from rich.console import Console
from rich.table import Column, Table

from chaos import ablation
from chaos.ablation import Ablated
from chaos.problems import InputErrors, Problem
from reports.words import NOT_MEASURED, VERDICTS, share
from seawall import exits
from seawall.running import read_all
from seawall.storms import carry_out
from seawall.wanted import Wanted

_NEEDED = {True: "yes", False: "not here", None: "unknown"}


def ablate(wanted: Wanted) -> int:
    """Exit code 1 when the complete workload breaks, 2 when something was not proven."""
    ((scenario, manifests),) = read_all(wanted.paths)
    removed = ablation.items(scenario, manifests)
    if not removed:
        names = ", ".join(scenario.defenses)
        raise InputErrors(
            [Problem(str(wanted.paths[0]), 0, 0, f"nothing of {names} is in place, so none can be taken away")]
        )
    storms = [(storm, manifests) for storm in ablation.storms(scenario, removed)]
    outcomes = carry_out(wanted, storms)
    rows = ablation.read(result for _, (_, result) in outcomes)
    _print(rows, wanted.format)
    # That a defense breaks without one of its items is what an ablation looks for, not a failure of it.
    ended = [code for code, _ in outcomes if code in {exits.INTERRUPTED, exits.NO_CLUSTER}]
    return exits.worst([*ended, *map(_code, rows)])


def _code(row: Ablated) -> int:
    if row.verdict == "not_proven":
        return exits.NOT_PROVEN
    return exits.BROKE if row.verdict == "broke" and not row.item else exits.MET


def _print(rows: list[Ablated], format: str) -> None:
    if format == "json":
        impacts = [row.impact.model_dump(mode="json") if row.impact else None for row in rows]
        data = [{**asdict(row), "impact": impact} for row, impact in zip(rows, impacts, strict=True)]
        sys.stdout.write(json.dumps(data) + "\n")
        return
    table = Table(
        Column("without", no_wrap=True), "verdict", "failed", "outage", "needed", box=None, header_style="bold"
    )
    for row in rows:
        cost = row.impact
        failed = share(cost.failed, cost.requests) if cost else NOT_MEASURED
        outage = f"{cost.longest_outage:g} s" if cost else NOT_MEASURED
        needed = _NEEDED[row.needed] if row.item else ""
        table.add_row(row.item or f"nothing ({row.defense})", str(VERDICTS[row.verdict]), failed, outage, needed)
    Console().print(table)
