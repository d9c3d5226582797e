"""`list` and `show`: what storms there are, and one of them to read."""

import json
import sys
from pathlib import Path

from chaos import defenses
from chaos.faults import registry
from chaos.problems import InputErrors, Problem, nearest
from chaos.scenario import Scenario, read
from seawall import exits


def tell_all(folder: Path, format: str) -> int:
    """The scenarios of a folder, and all faults and defenses, by name."""
    scenarios = [read(path) for path in sorted(folder.glob("*.yaml"))]
    library = {
        "scenarios": {s.scenario: s.title for s in scenarios},
        "faults": {fault.name: fault.summary for fault in registry.values()},
        "defenses": {defense.name: defense.title for defense in defenses.registry.values()},
    }
    if format == "json":
        sys.stdout.write(json.dumps(library) + "\n")
        return exits.MET
    for heading, entries in library.items():
        sys.stdout.write(f"{heading}\n" + "".join(f"  {name:<24}{text}\n" for name, text in entries.items()))
    return exits.MET


def show(name: str, folder: Path, format: str) -> int:
    """One scenario, by its name in the library or by its file."""
    scenario = read(_find(name, folder))
    if format == "json":
        sys.stdout.write(scenario.model_dump_json() + "\n")
        return exits.MET
    sys.stdout.write(_told(scenario))
    return exits.MET


def _find(name: str, folder: Path) -> Path:
    known = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    if name in known or Path(name).is_file():
        return known.get(name) or Path(name)
    raise InputErrors([Problem(str(folder), 0, 0, f"holds no scenario {name!r}{nearest(name, known)}")])


def _told(scenario: Scenario) -> str:
    fault = registry[scenario.fault_name]
    params = f" {json.dumps(scenario.fault_params)}" if scenario.fault_params else ""
    load = scenario.load
    phases = scenario.phases
    lines = [
        f"{scenario.scenario}: {scenario.title}",
        "",
        *(f"  {line}".rstrip() for line in scenario.lesson.strip().splitlines()),
        "",
        f"pattern   {scenario.pattern}",
        f"storm     {fault.name}{params}: {fault.summary}",
        f"target    {scenario.workload.target}, from {', '.join(scenario.workload.manifests)}",
        f"users     {load.arrivals or f'{load.users} users'} at {load.service}, by {load.locustfile}",
        f"phases    baseline {phases.baseline}, fault {phases.fault}, recovery {phases.recovery}",
        *(_variant(scenario, name) for name in scenario.variants),
    ]
    return "\n".join(lines) + "\n"


def _variant(scenario: Scenario, name: str) -> str:
    stripped = scenario.variants[name].strip
    without = f"without {', '.join(stripped)}" if stripped else "with every defense in place"
    expected = scenario.expect[name].verdicts if name in scenario.expect else {}
    verdicts = ", ".join(f"{defense} {verdict}" for defense, verdict in expected.items())
    return f"variant   {name}: {without}" + (f"; expected: {verdicts}" if verdicts else "")
