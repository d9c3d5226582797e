"""Results to report on: both variants of a scenario in one run, judged from recordings that are built by hand."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from chaos.judge import judge
from chaos.manifests import load
from chaos.plan import plan
from chaos.recording import Record, RunStarted, Shown
from chaos.result import Result
from chaos.scenario import read
from tests.judge.tape import Tape, hang, lie, oom, spill

SCENARIOS = Path(__file__).parents[2] / "scenarios"
PODS = """\
NAME                          READY   STATUS    RESTARTS   AGE
newsletter-6c5d9c9b6f-n       1/1     Running   0          21s
storefront-a                  1/1     Running   0          21s
storefront-b                  1/1     Running   0          21s"""
LOG = "GET / 200 12ms\nGET / 200 9ms"


def both(defended: Tape, undefended: Tape) -> Result:
    """One run of two variants; its words and its advice are those of the library's own scenario."""
    tapes = {"undefended": undefended, "defended": defended}
    records = [record for tape in tapes.values() for record in tape.all() if not isinstance(record, RunStarted)]
    return judge([_start(defended, undefended), *sorted(records, key=lambda r: r.t)])


def _start(defended: Tape, undefended: Tape) -> Record:
    first, second = (tape.all()[0] for tape in (undefended, defended))
    assert isinstance(first, RunStarted)
    assert isinstance(second, RunStarted)
    name = {"health-checks": "lying-health-checks", "resources": "oomkilled-surprise"}[defended.defense]
    library = read(SCENARIOS / f"{name}.yaml")
    planned = plan(library, load(library.manifest_paths, library.folder), run="r1", now=0, nodes=["node-1", "node-2"])
    advice = {v.name: v.record() for v in planned.variants}
    keys: dict[str, Any] = {
        **asdict(first),
        "context": "seawall-embedded",
        "kubernetes": "v1.34.0-seawall",
        "variants": {name: {**body, **advice[name]} for name, body in {**first.variants, **second.variants}.items()},
    }
    keys["scenario"] |= {k: getattr(library, k) for k in ("scenario", "pattern", "title", "lesson")}
    return RunStarted(**keys)


def lying() -> Result:
    """lying-health-checks as it should come out: undefended broke, defended held."""
    defended, undefended = hang(), lie()
    for tape in (defended, undefended):
        for when, t in (("baseline", 18), ("first sign", 23), ("end of fault", 44)):
            tape.add(Shown, t, when=when, command="kubectl get pods -n seawall-r1", text=PODS)
            tape.add(Shown, t, when=when, command="kubectl logs storefront-a -n seawall-r1 --tail=15", text=LOG)
    return both(defended, undefended)


def leaking() -> Result:
    """oomkilled-surprise as it should come out."""
    return both(oom(), spill())
