"""`rbac`: the rights that somebody needs to run storms on a cluster, as a ClusterRole to apply."""

import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import yaml

from chaos import preflight, rights
from chaos.defenses.rbac import dangers
from chaos.needs import Permissions
from seawall import exits
from seawall.running import read_all

NAME = "seawall"


def tell(paths: tuple[Path, ...], variants: tuple[str, ...]) -> int:
    """Print it; above it, as comments, how to bind it and what our own checklist says of it."""
    storms = read_all(paths, variants)
    wanted = {s.scenario: preflight.needs(s, manifests, only=variants).at_most for s, manifests in storms}
    commented = textwrap.TextWrapper(100, initial_indent="# ", subsequent_indent="#   ", break_on_hyphens=False)
    sys.stdout.writelines(f"{commented.fill(note)}\n" for note in _notes(wanted))
    role = rights.cluster_role(NAME, frozenset().union(*wanted.values()))
    sys.stdout.write(yaml.safe_dump(role, sort_keys=False, default_flow_style=None, width=100))
    return exits.MET


def _notes(wanted: dict[str, Permissions]) -> Iterator[str]:
    yield f"What it takes to run {', '.join(wanted)}."
    yield f"To bind it: kubectl create clusterrolebinding {NAME} --clusterrole={NAME} --user=WHO"
    yield "It is for a test cluster. Dangerous in it, by Seawall's own checklist:"
    takers: dict[str, list[str]] = defaultdict(list)
    for scenario, permissions in wanted.items():
        for danger in dict.fromkeys(d for rule in rights.rules(permissions) for d in dangers(rule)):
            takers[danger].append(scenario)
    for danger, scenarios in takers.items():
        yield f"- {danger}: {'all' if len(scenarios) == len(wanted) else ', '.join(scenarios)}"
