"""Results to report on: both variants of a scenario in one run, judged from recordings that are built by hand."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from chaos.judge import judge
from chaos.manifests import load
from chaos.plan import plan
from chaos.recording import Record, RunStarted, Shown
from chaos.result import Advice, Result
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


def unproven() -> Result:
    """A second that no load worker reported: nothing can be proven."""
    return both(hang(silent={30}), lie(silent={30}))


def no_fault() -> Result:
    """Cut short before anything was injected."""
    tape = Tape("health-checks", phases={"deploy": 0, "baseline": 10}).calm()
    tape.trouble("interrupted by SIGINT", variant="")
    return tape.judged()


def cut_short() -> Result:
    """Killed in the middle of the fault."""
    tape = lie()
    tape.phases = {"deploy": 0, "baseline": 10, "fault": 20}
    tape.records = [record for record in tape.records if record.t < 30]
    tape.silent = set(range(30, 61))
    return tape.judged()


def no_samples() -> Result:
    """The load never told anything."""
    return both(hang(silent=set(range(9, 61))), lie(silent=set(range(9, 61))))


def nothing() -> Result:
    """Not even a phase began."""
    return Tape("resources", phases={}, silent=set(range(9, 61))).judged()


HOSTILE = '</script><script>alert(1)</script>\x1b[31mred\x07 <b onclick="x">| `x` @team #1 ``` {{ 7*7 }} \u202e&amp;'


def hostile() -> Result:
    """Every text that others can write is an attack."""
    tape = lie(keys={"lesson": HOSTILE, "title": HOSTILE})
    tape.event(21.5, "Unhealthy", HOSTILE)
    tape.event(22, HOSTILE, HOSTILE, about=f"Pod/{HOSTILE}")
    tape.inject(detail=HOSTILE)
    tape.trouble(HOSTILE)
    tape.add(Shown, 30, when=HOSTILE, command=f"kubectl logs {HOSTILE}", text=f"line one\n{HOSTILE}\n```\nlast")
    finding = dict.fromkeys(("rule", "object", "container", "file", "what", "why", "remedy"), HOSTILE)
    result = tape.judged()
    variant = result.variants[0]
    advice = Advice.model_validate({"findings": [{**finding, "line": 3}], "patch": f"--- a\n+{HOSTILE}\n```"})
    broke = variant.verdicts[0].model_copy(update={"advice": advice, "verdict": "broke"})
    return result.model_copy(update={"variants": (variant.model_copy(update={"verdicts": (broke,)}),)})
