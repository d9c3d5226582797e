"""deadlock: some pods of the target accept requests and never answer again, while the process lives on."""

from pydantic import Field

from chaos.faults.app import ENDPOINTS, ask, injure, restarted, silent
from chaos.faults.kind import Arena, FaultKind, Injury, Params, Sighting
from chaos.kube import KubeError, TimedOut
from chaos.needs import PROXY, Needs
from loadgen.units import Duration

# The app answers in milliseconds; a second without an answer is a hang.
HANG = Duration(1)


class Deadlock(Params):
    """`pods` of the target hang."""

    pods: int = Field(default=1, ge=1)


def inject(arena: Arena, params: Deadlock) -> list[Injury]:
    return injure(arena, params.pods, "/chaos/deadlock", "a deadlock")


def witness(arena: Arena, params: Deadlock, injury: Injury) -> Sighting:  # noqa: ARG001  # every witness is called alike
    """A request straight to the pod, past the Service: does it hang?"""
    if restarted(arena, injury) is not None:
        return Sighting(ok=False, detail=f"pod {injury.target} no longer runs the process that hung")
    try:
        ask(arena, "GET", injury.target, injury.data["port"], "/", HANG)
    except TimedOut:
        return Sighting(ok=True, detail=f"GET / straight to pod {injury.target}: no answer within {HANG}")
    except KubeError as error:
        return Sighting(ok=False, detail=f"pod {injury.target} did not hang, it failed: {silent(error)}")
    return Sighting(ok=False, detail=f"pod {injury.target} answers")


DEADLOCK = FaultKind(
    name="deadlock",
    summary="some pods accept requests and never answer, while their process lives on",
    params=Deadlock,
    exercises=("health-checks",),
    inject=inject,
    witness=witness,
    needs=ENDPOINTS,
    asks=Needs(permissions=PROXY),
)
