"""crash: the process of some pods of the target ends at once, without a word to anybody."""

from pydantic import Field

from chaos.faults.app import ENDPOINTS, injure, restarted
from chaos.faults.kind import Arena, FaultKind, Injury, Params, Sighting
from chaos.needs import PROXY, Needs


class Crash(Params):
    """`pods` of the target crash."""

    pods: int = Field(default=1, ge=1)


def inject(arena: Arena, params: Crash) -> list[Injury]:
    return injure(arena, params.pods, "/chaos/crash", "a crash")


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
    needs=ENDPOINTS,
    asks=Needs(permissions=PROXY),
)
