"""`run`, `judge` and `report`: the engine, the embedded cluster and the reports, wired together."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from chaos.manifests import load
from chaos.plan import Plan, plan
from chaos.problems import InputErrors, Problem, nearest
from chaos.result import Result
from chaos.scenario import Scenario, read
from reports.write import summary, write, write_suite
from seawall import exits, folders
from seawall.one_storm import nodes_for_nobody
from seawall.storms import carry_out
from seawall.wanted import Storm, Wanted, say


def run(wanted: Wanted) -> int:
    """Run every scenario and report. Returns an exit code."""
    outcomes = carry_out(wanted, read_all(wanted.paths, wanted.variants))
    results = [result for _, result in outcomes]
    _print(results, wanted.format)
    if len(results) > 1:
        page, *_ = write_suite(results, wanted.out / f"{folders.stamp()}-suite")
        say(f"all of it on one page: {page}")
    return exits.worst(code for code, _ in outcomes)


def dry_run(wanted: Wanted) -> int:
    """Say what would be done. Contacts no cluster."""
    for storm in read_all(wanted.paths, wanted.variants):
        nodes = nodes_for_nobody(storm)
        planned = plan(*storm, run="dry", now=time.time(), nodes=nodes, only=wanted.variants)
        _print_plan(planned, wanted.format)
    return exits.MET


def judge_again(folder: Path, format: str) -> int:
    result = folders.judged(folder)
    _print([(folder, result)], format)
    return result.exit_code


def report_again(folder: Path, formats: tuple[str, ...]) -> int:
    result = Result.model_validate_json((folder / folders.RESULT).read_text(encoding="utf-8"))
    for path in write(result, folder, formats):
        sys.stdout.write(f"{path}\n")
    return exits.MET


def read_all(paths: tuple[Path, ...], variants: tuple[str, ...] = ()) -> list[Storm]:
    """Every scenario of the files and folders. Raises `InputErrors` with the errors of all of them."""
    found: list[Storm] = []
    problems: list[Problem] = []
    for path in _files(paths):
        try:
            scenario = read(path)
            problems += _unknown_variants(path, scenario, variants)
            found.append((scenario, load(scenario.manifest_paths, scenario.folder)))
        except InputErrors as error:
            problems += error.problems
    if not found and not problems:
        problems.append(Problem(str(paths[0]), 0, 0, "holds no scenario file (*.yaml)"))
    if problems:
        raise InputErrors(problems)
    return found


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(path.glob("*.yaml")) if path.is_dir() else [path]


def _unknown_variants(path: Path, scenario: Scenario, wanted: tuple[str, ...]) -> list[Problem]:
    unknown = [v for v in wanted if v not in scenario.variants]
    return [Problem(str(path), 0, 0, f"has no variant {v!r}{nearest(v, scenario.variants)}") for v in unknown]


def _print(results: list[tuple[Path, Result]], format: str) -> None:
    if format == "json":
        data = [{"folder": str(folder), **result.model_dump(mode="json")} for folder, result in results]
        sys.stdout.write(json.dumps(data) + "\n")
        return
    summary(results, Console())


def _print_plan(planned: Plan, format: str) -> None:
    if format == "json":
        variants = {v.name: {**v.record(), "objects": v.objects} for v in planned.variants}
        sys.stdout.write(json.dumps({"scenario": planned.scenario.scenario, "variants": variants}) + "\n")
        return
    sys.stdout.write(f"{planned.scenario.scenario}: {planned.scenario.title}\n")
    for variant in planned.variants:
        objects = ", ".join(f"{o['kind']}/{o['metadata']['name']}" for o in variant.objects)
        stripped = ", ".join(variant.strip) or "nothing"
        sys.stdout.write(f"  {variant.name}: namespace {variant.namespace_name}, without {stripped}\n    {objects}\n")
