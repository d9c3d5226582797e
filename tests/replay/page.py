"""docs/fidelity.md, made of what a replay of every case found: `python -m tests.replay --page docs/fidelity.md`."""

from collections.abc import Mapping
from itertools import groupby

from tests.replay.compare import DICTATED_SECONDS, SLACK_SECONDS, Comparison, Known
from tests.replay.fixtures import load
from tests.replay.known import NOT_REPLAYED

HEAD = f"""# How truthful the embedded cluster is

*Made by `python -m tests.replay --page docs/fidelity.md`, which replays every case.*

What a real two-node Kubernetes 1.36 did in each of these cases was recorded: every change of every pod, event,
endpoint, Deployment and node, every answer of the API, every line that kubectl printed. The cases are asked again of
the embedded cluster, and both are reduced to facts: the order of phases, container states with reasons and exit codes,
conditions and restart counts; events with type, reason and message and their order for each object; endpoint
changes; codes and Status bodies; kubectl's lines and exit codes. Names, uids, addresses, hashes, ages and images do not
count, nor does the order between objects that do not wait for each other.

Times: what took {DICTATED_SECONDS:g} s or more is dictated by a period of the kubelet (a probe, a back-off, a grace
period) and must take as long here, give or take two fifths and a second. What is overhead may be smaller without
limit, and larger by {SLACK_SECONDS:g} s on a busy machine. Counts of repeated events agree within one or a
third, or more where a case took longer.

The quick cases run with `make test`; all of them with

    .venv/bin/pytest tests/replay -m "slow or not slow"

and `.venv/bin/python -m tests.replay CASE` prints what disagrees in one. With `--record KUBECONFIG` the same script
asks a real cluster, and what that did becomes the case's facts; it should look like the one in tests/replay/run.py.
"""


def page(comparisons: Mapping[str, Comparison]) -> str:
    return "\n".join([HEAD, *_table(comparisons), "", *_differences(comparisons)]) + "\n"


def _table(comparisons: Mapping[str, Comparison]) -> list[str]:
    agreeing, total = (sum(getattr(c, what) for c in comparisons.values()) for what in ("agreeing", "total"))
    rows = [
        f"| {name} | {compared.agreeing} / {compared.total} | {_verdict(compared)} | {load(name).seconds:.0f} s |"
        for name, compared in sorted(comparisons.items())
    ]
    head = ["## Case by case", "", "| case | facts that agree | | recorded |", "| --- | --- | --- | --- |"]
    return [*head, *rows, f"| together | {agreeing} / {total} | | |"]


def _verdict(compared: Comparison) -> str:
    if not compared.agrees:
        return "disagrees"
    return "agrees but for differences below" if compared.known else "agrees"


def _differences(comparisons: Mapping[str, Comparison]) -> list[str]:
    pairs = [(known, name) for name, compared in sorted(comparisons.items()) for known in compared.known]
    pairs.sort(key=lambda pair: (pair[0].why, pair[0].pattern, pair[1]))
    lines = ["## What differs, and why", ""]
    for known, group in groupby(pairs, key=lambda pair: pair[0]):
        lines += [_difference(known, [name for _, name in group])]
    return [*lines, "", "Not asked again:", "", *(f"- {name}: {why}" for name, why in NOT_REPLAYED.items())]


def _difference(known: Known, names: list[str]) -> str:
    where = ", ".join(names) if len(names) <= 4 else f"{len(names)} cases"
    return f"- {known.why} ({where})"
