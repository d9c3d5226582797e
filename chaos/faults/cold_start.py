"""cold-start: the target is rolled out anew, with nothing changed, and its new pods need time to warm up.

Whether a pod is warm, it is asked itself, past the Service and past what its probes say of it. One that has served is
warm and is not asked again: what befalls it later is no cold start.
"""

import time
from typing import NamedTuple

from pydantic import Field

from chaos.faults.app import ask, silent
from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params, Sighting, first_port
from chaos.faults.records import is_serving, pods_of_target
from chaos.faults.restart import path_of_target, restart
from chaos.kube import KubeError, Obj, Refused, TimedOut
from chaos.needs import NEW_REVISION, PROXY, Needs
from loadgen.units import Duration

ANSWER_WITHIN = Duration(2)
# What the API server says itself when it does not reach a pod; its other refusals are not about the pod.
OUT_OF_REACH = (502, 503, 504)
# With each silent until the time-out, a look at all pods of a large surge would take minutes.
AT_ONCE = 4


class ColdStart(Params):
    """A pod is warm once it serves GET `path`."""

    path: str = Field(default="/", pattern="^/")


class Answer(NamedTuple):
    served: bool
    said: str


def inject(arena: Arena, params: ColdStart) -> list[Injury]:
    path, old = path_of_target(arena), pods_of_target(arena)
    serving = next((pod for pod in old if is_serving(pod)), None)
    if serving is None:
        raise FaultRefused(f"{arena.target} has no Ready pod")
    answer = _ask(arena, serving, params.path)
    if not answer.served:
        name = serving["metadata"]["name"]
        raise FaultRefused(f"pod {name} is Ready, and GET {params.path} {answer.said}; give a path that users ask for")
    restart(arena, path)
    # `witness` adds the new pods that it has seen serve.
    data = {"old": [pod["metadata"]["uid"] for pod in old], "warm": []}
    return [Injury(target=arena.target, detail=f"{arena.target} is rolled out anew", undo=None, data=data)]


def _ask(arena: Arena, pod: Obj, path: str) -> Answer:
    """Raises KubeError when nobody could be asked."""
    try:
        ask(arena, "GET", pod["metadata"]["name"], first_port(pod), path, ANSWER_WITHIN)
    except TimedOut:
        return Answer(served=False, said=f"is not answered within {ANSWER_WITHIN}")
    except KubeError as error:
        refusal = error if isinstance(error, Refused) else error.__cause__
        if not isinstance(refusal, Refused) or (refusal.reason and refusal.code not in OUT_OF_REACH):
            raise
        return Answer(served=False, said=f"is not served: {silent(error)}")
    return Answer(served=True, said="is served")


def witness(arena: Arena, params: ColdStart, injury: Injury) -> Sighting:
    """Is there a new pod that runs and does not serve yet?"""
    looks = [_look(arena, params, pod, injury) for pod in _unproven(arena, injury)[:AT_ONCE]]
    now = time.monotonic()
    data = [{"pod": pod, "served": answer.served, "ago": round(now - began, 4)} for pod, began, answer in looks]
    told = [f"GET {params.path} of new pod {pod} {answer.said}" for pod, _, answer in looks]
    detail = "; ".join(told) or f"no new pod of {injury.target} runs that has not served yet"
    return Sighting(ok=any(not answer.served for _, _, answer in looks), detail=detail, data={"looks": data})


def _unproven(arena: Arena, injury: Injury) -> list[Obj]:
    """The new pods that run and were not seen to serve."""
    known = {*injury.data["old"], *injury.data["warm"]}
    new = (pod for pod in pods_of_target(arena) if pod["metadata"]["uid"] not in known)
    return [p for p in new if p["status"].get("phase") == "Running" and "deletionTimestamp" not in p["metadata"]]


def _look(arena: Arena, params: ColdStart, pod: Obj, injury: Injury) -> tuple[str, float, Answer]:
    """The pod, when it was asked, and its answer."""
    began, answer = time.monotonic(), _ask(arena, pod, params.path)
    injury.data["warm"] += [pod["metadata"]["uid"]] if answer.served else []
    return pod["metadata"]["name"], began, answer


COLD_START = FaultKind(
    name="cold-start",
    summary="the target is rolled out anew, and its new pods need time to warm up",
    params=ColdStart,
    exercises=("health-checks",),
    inject=inject,
    witness=witness,
    asks=Needs(permissions=PROXY | NEW_REVISION),
)
