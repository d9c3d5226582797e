"""`validate`, `schema`, `audit` and `fix`: what needs files and no cluster."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import yaml

from chaos import defenses
from chaos.defenses import Finding
from chaos.manifests import Manifests, load
from chaos.marked import plain
from chaos.problems import InputErrors, Problem
from seawall import exits


def validate(paths: tuple[Path, ...]) -> int:
    from seawall.running import read_all

    for scenario, manifests in read_all(paths):
        sys.stdout.write(f"{scenario.scenario}: good; {len(scenario.variants)} variants, {len(manifests)} objects\n")
    return exits.MET


def schema(what: str) -> int:
    from chaos import result, scenario

    data = scenario.json_schema() if what == "scenario" else result.json_schema()
    sys.stdout.write(json.dumps(data, indent=2) + "\n")
    return exits.MET


def audit(paths: tuple[Path, ...], format: str) -> int:
    """Exit code 1 when anything is missing."""
    findings = defenses.audit(load_manifests(paths))
    match format:
        case "json":
            sys.stdout.write(json.dumps([asdict(f) for f in findings]) + "\n")
        case "sarif":
            sys.stdout.write(_sarif(findings))
        case _:
            sys.stdout.writelines(_lines(findings))
    return exits.BROKE if findings else exits.MET


def _sarif(findings: list[Finding]) -> str:
    from importlib.metadata import version

    from chaos.result import Finding as Reported
    from reports import sarif

    return sarif.audit((Reported.model_validate(asdict(f)) for f in findings), version("seawall"))


def _lines(findings: list[Finding]) -> Iterator[str]:
    for finding in findings:
        container = f" container {finding.container}" if finding.container else ""
        yield f"{finding.file}:{finding.line}: {finding.rule}: {finding.object}{container}: {finding.what}\n"
        yield f"    {finding.why} {finding.remedy}\n"
    yield f"{len(findings)} finding{'' if len(findings) == 1 else 's'}\n"


def fix(paths: tuple[Path, ...]) -> int:
    manifests = load_manifests(paths)
    for defense in defenses.registry.values():
        manifests = defense.fix(manifests)
    objects = [plain(m.data) for m in manifests]
    yaml.dump_all(objects, sys.stdout, Dumper=yaml.CSafeDumper, sort_keys=False)
    for finding in (f for f in defenses.audit(manifests) if not f.fixable):
        sys.stderr.write(f"left to you: {finding.object}: {finding.what} {finding.remedy}\n")
    return exits.MET


def load_manifests(paths: tuple[Path, ...]) -> Manifests:
    files = [file for path in paths for file in (sorted(path.rglob("*.y*ml")) if path.is_dir() else [path])]
    if not files:
        raise InputErrors([Problem(str(paths[0]), 0, 0, "holds no manifests (*.yaml, *.yml)")])
    return load(files)
