"""`doctor --context`, and what `run` asks of a cluster first: what can it do, and which scenarios does that leave?"""

import json
import secrets
import shutil
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from chaos import enforcement, facts, guard, journal, preflight
from chaos.enforcement import Enforcement
from chaos.faults import registry as faults
from chaos.kube import Kube, connect
from chaos.needs import Needs
from chaos.preflight import Classes, Facts
from chaos.scenario import Scenario
from seawall import exits, folders
from seawall.embedded import NoUsableCluster
from seawall.wanted import Storm, say

CAN_RUN, CANNOT_PROVE, NOT_KNOWN = "can run", "cannot prove", "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asked for."""

    paths: tuple[Path, ...]
    context: str
    allow_contexts: tuple[str, ...]
    out: Path
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What a cluster leaves of a scenario, and why."""

    scenario: str
    outcome: str
    reasons: tuple[str, ...] = ()
    nodes: bool = False
    """It takes `--allow nodes`."""


def examine(asked: Asked) -> int:
    """Exit code 2 when some scenario cannot be proven there, or nobody knows."""
    from seawall.running import read_all

    storms = read_all(asked.paths) if asked.paths else []
    needed = [preflight.needs(*storm) for storm in storms]
    kube = connect(asked.context)
    guard.check_context(kube.context, asked.allow_contexts)
    found = facts.read(kube, frozenset().union(*(n.at_most for n in (preflight.RUN, *needed))))
    tried = _find_out(kube, asked.out)
    found = replace(found, enforced=tried.enforced)
    prospects = [_prospect(kube, scenario, n, found) for (scenario, _), n in zip(storms, needed, strict=True)]
    (_print_json if asked.format == "json" else _print)(kube, found, tried, prospects)
    for difference in tried.left:
        sys.stderr.write(f"not healed: {difference}\n")
    return exits.MET if all(p.outcome == CAN_RUN for p in prospects) and not tried.left else exits.NOT_PROVEN


def _find_out(kube: Kube, out: Path) -> Enforcement:
    """The journal stays for `seawall recover` until everything is undone."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    sys.stderr.write("finding out whether NetworkPolicies are enforced, by two pods in a namespace of our own\n")
    run = secrets.token_hex(3)
    folder = folders.make(out, f"doctor-{run}")
    written = folder / folders.JOURNAL
    try:
        return enforcement.find_out(kube, written, run=run)
    finally:
        if not written.exists() or journal.read(written).healed:
            shutil.rmtree(folder)


def _prospect(kube: Kube, scenario: Scenario, needed: Needs, found: Facts) -> Prospect:
    name, kind = scenario.scenario, faults[scenario.fault_name]
    if unmet := preflight.unmet(needed, found):
        return Prospect(scenario=name, outcome=CANNOT_PROVE, reasons=tuple(unmet))
    if untold := preflight.untold(needed, found):
        return Prospect(scenario=name, outcome=NOT_KNOWN, reasons=tuple(untold))
    wide = kind.node_wide and not guard.is_embedded(kube.context)
    return Prospect(scenario=name, outcome=CAN_RUN, nodes=wide)


def _print_json(kube: Kube, found: Facts, tried: Enforcement, prospects: list[Prospect]) -> None:
    data: dict[str, Any] = {
        "context": kube.context,
        "server": kube.server,
        "kubernetes": found.kubernetes,
        "nodes": found.nodes,
        "metrics": found.metrics,
        "storage_classes": found.storage,
        "ingress_classes": found.ingress,
        "network_policies": {"enforced": tried.enforced, "detail": tried.detail},
        "forbidden": sorted(found.forbidden),
        "scenarios": [
            {"scenario": p.scenario, "outcome": p.outcome, "reasons": p.reasons, "allow_nodes": p.nodes}
            for p in prospects
        ],
    }
    sys.stdout.write(json.dumps(data) + "\n")


def _print(kube: Kube, found: Facts, tried: Enforcement, prospects: list[Prospect]) -> None:
    console = Console()
    console.print(f"{kube.context}: Kubernetes {found.kubernetes} at {kube.server}", highlight=False, soft_wrap=True)
    rows = {
        "nodes that take pods": _nodes(found),
        "metrics.k8s.io": "there" if found.metrics else "not there",
        "storage classes": _classes(found.storage),
        "ingress classes": _classes(found.ingress),
        "NetworkPolicies": f"{_ENFORCED[tried.enforced]}: {tried.detail}",
        "your permissions": _permissions(found),
    }
    console.print(_table(list(rows.items())))
    if prospects:
        console.print("\nscenarios", highlight=False)
        console.print(_table([(p.scenario, _told(p)) for p in prospects]))


_ENFORCED = {True: "enforced", False: "not enforced", None: "not known"}


def _table(rows: list[tuple[str, str]]) -> Table:
    table = Table("", "", box=None, show_header=False, padding=(0, 0, 0, 2))
    for row in rows:
        table.add_row(*row)
    return table


def _nodes(found: Facts) -> str:
    if found.nodes is None:
        return "not known: you may not list nodes"
    named = (f"{name} ({zone or 'no zone'})" for name, zone in sorted(found.nodes.items()))
    return f"{len(found.nodes)}: {', '.join(named)}" if found.nodes else "none"


def _classes(there: Classes | None) -> str:
    if there is None:
        return "not known: you may not list them"
    return ", ".join(f"{name} (default)" if default else name for name, default in sorted(there.items())) or "none"


def _permissions(found: Facts) -> str:
    missing = preflight.spoken(found.forbidden)
    return f"you may not {missing}" if missing else "all that the engine asks for"


def _told(prospect: Prospect) -> str:
    if prospect.outcome != CAN_RUN:
        return f"{prospect.outcome}: {'; '.join(prospect.reasons)}"
    return f"{CAN_RUN}, with --allow nodes" if prospect.nodes else CAN_RUN


def impossible(kube: Kube, storms: list[Storm], variants: tuple[str, ...]) -> dict[int, str]:
    """Why the cluster cannot take some of the storms, by their id(). Told before anything is touched.

    Raises `NoUsableCluster` when it can take none.
    """
    needed = [preflight.needs(*storm, only=variants) for storm in storms]
    found = facts.read(kube, frozenset().union(*(n.at_most for n in needed)))
    lacks = {id(storm): "; ".join(preflight.unmet(n, found)) for storm, n in zip(storms, needed, strict=True)}
    why = [f"{storm[0].scenario}: {lacks[id(storm)]}" for storm in storms if lacks[id(storm)]]
    if len(why) == len(storms):
        raise NoUsableCluster("\n".join([f"{kube.context} cannot take this, and nothing was touched:", *why]))
    for line in why:
        say(f"left out, and so not proven: {line}")
    asking = [s for s, n in zip(storms, needed, strict=True) if n.enforcement and not lacks[id(s)]]
    _warn([scenario.scenario for scenario, _ in asking], kube.context)
    return lacks


def _warn(names: list[str], context: str) -> None:
    if names and not guard.is_embedded(context):
        listed = ", ".join(dict.fromkeys(names))
        say(
            f"whether NetworkPolicies are enforced was not checked, and {listed} needs it; "
            f"seawall doctor --context {context} finds out"
        )
