"""cpu-hog: a neighbour takes all the processor time it can get, on the node of some of the target's pods.

It is what another team's nightly report is: a pod of another namespace that asks for little, has no limit and never
waits for anything. Nobody throttles it. Who else is on the node gets processor time in the proportion of the requests,
and who has asked for none gets what the kernel gives to nobody: two shares.
"""

from inspect import cleandoc
from typing import Annotated

from pydantic import Field

from chaos.faults.beside import beside, bound
from chaos.faults.clients import MARK, await_rounds, last_round, place, pod
from chaos.faults.kind import Arena, FaultKind, Injury, Params, Sighting, pick_pods
from chaos.journal import Undo
from chaos.kube import Obj
from chaos.needs import STRANGERS, Needs
from chaos.quantity import parse

HOG = "hog"
MEMORY = "64Mi"

# One process for each core that it may run on, and small ones: a node may have many cores. What they used is the
# kernel's own count, in the clock ticks of proc(5).
_PROGRAM = cleandoc(
    """
    import json, os, subprocess, time

    def used(pid):
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    cores = len(os.sched_getaffinity(0))
    burners = [subprocess.Popen(["sh", "-c", "while :; do :; done"]).pid for _ in range(cores)]
    then, before = time.monotonic(), 0.0
    while True:
        time.sleep(1)
        now, total = time.monotonic(), sum(map(used, burners))
        told = {"cores": f"{(total - before) / (now - then):.2f}", "of": str(cores)}
        print("{mark}" + json.dumps(told), flush=True)
        then, before = now, total
    """
).replace("{mark}", MARK)


class CpuHog(Params):
    """What the hog asks for, and so what it is given before anybody who asks for less."""

    request: Annotated[str, Field(pattern=r"^[1-9][0-9]*m$")] = "200m"


def inject(arena: Arena, params: CpuHog) -> list[Injury]:
    node = str(arena.view.of("Pod")[pick_pods(arena, 1)[0]]["node"])
    near = {name: seen["uid"] for name, seen in arena.view.pods(arena.target).items() if seen["node"] == node}
    home = beside(arena, "neighbour")
    hog = f"{home}/pods/{HOG}"
    number = arena.will_undo(Undo(action="delete-object", path=hog, why=f"end the hog on node {node}"))
    place(arena.kube, home, bound(arena, home, _hog(params), node))
    await_rounds(arena.kube, hog)
    detail = f"pod hog of namespace {home.rpartition('/')[2]} asks for {params.request} of node {node}, without a limit"
    return [Injury(target=HOG, detail=detail, undo=number, data={"hog": hog, "node": node, "pods": near})]


def _hog(params: CpuHog) -> Obj:
    asked = {"cpu": params.request, "memory": MEMORY}
    return pod(HOG, _PROGRAM, {"resources": {"requests": asked, "limits": {"memory": MEMORY}}})


def witness(arena: Arena, params: CpuHog, injury: Injury) -> Sighting:
    """How much the hog burned in its last second, by the kernel's count, and whom it had beside it."""
    told = last_round(arena.kube, injury.data["hog"])
    if told is None:
        return Sighting(ok=False, detail="the hog told nothing of late")
    node = injury.data["node"]
    victims = sorted(name for name, seen in arena.view.pods(arena.target).items() if seen["node"] == node)
    burned, asked = float(told["cores"]), parse(params.request) or 0
    who = ", ".join(victims) or f"no pod of {arena.target}"
    detail = f"the hog burned {burned:.2f} of {told['of']} cores in its last second on node {node}, beside {who}"
    return Sighting(ok=bool(victims) and burned >= asked, detail=detail, data={"cores": burned, "beside": victims})


CPU_HOG = FaultKind(
    name="cpu-hog",
    summary="a neighbour takes all the processor time it can get on the node of some of the target's pods",
    params=CpuHog,
    exercises=("resources",),
    inject=inject,
    witness=witness,
    node_wide=True,
    hungry=True,
    asks=Needs(permissions=STRANGERS | {"get nodes"}),
)
