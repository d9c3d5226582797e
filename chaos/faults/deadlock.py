"""deadlock: some pods of the target accept requests and never answer again, while the process lives on.

An app that offers the /chaos/ endpoints takes its own lock for ever. Any other is frozen by a tracer, every thread of
it: its connections are accepted by the kernel, up to the backlog, and nobody reads them. Both hang for whoever asks.
"""

from pydantic import Field

from chaos.faults.app import ask, by_endpoint, restarted, silent
from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params, Sighting, first_port, pick_pods, pod_path
from chaos.faults.tracer import NEEDS, by_tracer
from chaos.kube import KubeError, TimedOut
from chaos.needs import PROXY, TRACE, Needs
from loadgen.units import Duration

# The app answers in milliseconds; a second without an answer is a hang.
HANG = Duration(1)


class Deadlock(Params):
    """`pods` of the target hang."""

    pods: int = Field(default=1, ge=1)


def inject(arena: Arena, params: Deadlock) -> list[Injury]:
    pods = pick_pods(arena, params.pods)
    return [by_endpoint(arena, pod, "/chaos/deadlock", "a deadlock") or _frozen(arena, pod) for pod in pods]


def _frozen(arena: Arena, pod: str) -> Injury:
    """Only what answered before can be seen to hang."""
    port = first_port(arena.kube.get(pod_path(arena, pod)))
    if hangs(arena, pod, port):
        raise FaultRefused(f"pod {pod} gave no answer to GET / at port {port} within {HANG}, before anything was done")
    return by_tracer(arena, pod, "freeze", "a freeze")


def hangs(arena: Arena, pod: str, port: int) -> bool:
    """Does a request straight to the pod, past the Service, get no answer? An error is one."""
    try:
        ask(arena, "GET", pod, port, "/", HANG)
    except TimedOut:
        return True
    except KubeError:
        return False
    return False


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
    needs=NEEDS,
    asks=Needs(permissions=PROXY, without_endpoints=TRACE),
)
