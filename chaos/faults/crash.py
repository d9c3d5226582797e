"""crash: the process of some pods of the target ends at once, without a word to anybody.

An app that offers the /chaos/ endpoints ends itself. Any other is traced, and the kernel kills it as its tracer ends.
"""

from pydantic import Field

from chaos.faults.app import by_endpoint, restarted
from chaos.faults.kind import Arena, FaultKind, Injury, Params, Sighting, pick_pods
from chaos.faults.tracer import NEEDS, by_tracer
from chaos.needs import PROXY, TRACE, Needs


class Crash(Params):
    """`pods` of the target crash."""

    pods: int = Field(default=1, ge=1)


def inject(arena: Arena, params: Crash) -> list[Injury]:
    pods = pick_pods(arena, params.pods)
    return [
        by_endpoint(arena, pod, "/chaos/crash", "a crash") or by_tracer(arena, pod, "crash", "a crash") for pod in pods
    ]


def witness(arena: Arena, params: Crash, injury: Injury) -> Sighting:  # noqa: ARG001  # every witness is called alike
    """Has the container ended or restarted since, by the kubelet's own account?"""
    ended = restarted(arena, injury)
    if not ended:
        return Sighting(ok=False, detail=f"the container of pod {injury.target} was not seen to end")
    count = ended.get("restarts", 0)
    return Sighting(ok=True, detail=f"the container of pod {injury.target} ended; restarts: {count}")


CRASH = FaultKind(
    name="crash",
    summary="the process of some pods ends at once",
    params=Crash,
    exercises=("replicas",),
    inject=inject,
    witness=witness,
    needs=NEEDS,
    asks=Needs(permissions=PROXY, without_endpoints=TRACE),
)
