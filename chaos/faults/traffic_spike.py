"""traffic-spike: many times as many users come as on an ordinary day, from one second to the next."""

import shlex

from pydantic import Field

from chaos.exec import run_in
from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params, Sighting
from chaos.journal import Undo
from chaos.kube import Kube, KubeError
from chaos.needs import EXEC, Needs
from chaos.quantity import parse
from loadgen.inside.spike import FILE, SIGNAL
from loadgen.lines import from_line
from loadgen.samples import Sample
from loadgen.units import Duration

READ_WITHIN = Duration(5)
# Arrivals scatter: the mean of a few seconds tells more than the last one.
SECONDS = 4
# Half of the way from the ordinary day to the spike is no scatter any more.
BITES = 0.5


class TrafficSpike(Params):
    """`times` as many users as `load: arrivals` says."""

    times: float = Field(default=4.0, gt=1.0, le=100.0)


def inject(arena: Arena, params: TrafficSpike) -> list[Injury]:
    if not arena.load:
        raise FaultRefused("the users of a closed load cannot be multiplied; give the load as arrivals:")
    before = _arrivals(arena)
    return [_begin(arena, pod, params, before) for pod in arena.load]


def _begin(arena: Arena, path: str, params: TrafficSpike, before: float) -> Injury:
    pod, name = arena.kube.get(path), path.rpartition("/")[2]
    uid, container = pod["metadata"]["uid"], pod["spec"]["containers"][0]["name"]
    why = f"end the spike of load pod {name}"
    undo = Undo(action="run-in-pod", path=path, uid=uid, container=container, endpoint=_command(1), why=why)
    number = arena.will_undo(undo)
    ended = run_in(arena.kube, path, container, ["sh", "-c", _command(params.times)])
    if ended.code != 0:
        raise FaultRefused(f"load pod {name} cannot be told: {(ended.err or ended.out).strip()[:200]}")
    detail = f"{params.times:g} times as many users come to {arena.target}, by load pod {name}"
    return Injury(target=arena.target, detail=detail, undo=number, data={"load": name, "before": before})


def _command(times: float) -> str:
    return f"echo {times:g} > {shlex.quote(str(FILE))} && kill -{SIGNAL.name.removeprefix('SIG')} 1"


def witness(arena: Arena, params: TrafficSpike, injury: Injury) -> Sighting:
    """Do the load pods' own counts say that more users come? A count is told once its users' patience is over."""
    now, before = _arrivals(arena), injury.data["before"]
    enough = before * (1 + BITES * (params.times - 1))
    detail = f"{now:.1f} users a second came; it were {before:.1f} before"
    data = {"arrivals": round(now, 2), "memory": _memory(arena)}
    return Sighting(ok=before > 0 and now >= enough, detail=detail, data=data)


def _memory(arena: Arena) -> dict[str, int]:
    """What the target's containers use, in bytes, where the cluster measures it: no verdict needs it."""
    try:
        found = arena.kube.list(f"/apis/metrics.k8s.io/v1beta1/namespaces/{arena.namespace}/pods")
    except KubeError:
        return {}
    own = [pod for pod in found if pod["metadata"]["name"] in arena.view.pods(arena.target)]
    used = {
        f"{pod['metadata']['name']}/{c['name']}": parse(c["usage"]["memory"]) for pod in own for c in pod["containers"]
    }
    return {who: int(size) for who, size in used.items() if size is not None}


def _arrivals(arena: Arena) -> float:
    """A second, of all load pods together, by the last few seconds that each has counted."""
    counts = [[sample.intended for sample in _samples(arena.kube, pod)] for pod in arena.load]
    return sum(sum(count) / len(count) for count in counts if count)


def _samples(kube: Kube, pod: str) -> list[Sample]:
    lines = kube.lines(f"{pod}/log", {"tailLines": str(2 * SECONDS)}, READ_WITHIN)
    return [sample for line in lines if (sample := from_line(line))][-SECONDS:]


TRAFFIC_SPIKE = FaultKind(
    name="traffic-spike",
    summary="many times as many users come, from one second to the next",
    params=TrafficSpike,
    exercises=("resources",),
    inject=inject,
    witness=witness,
    asks=Needs(permissions=EXEC, wished=frozenset({"list pods.metrics.k8s.io"})),
    tries=("HorizontalPodAutoscaler",),
)
