"""error-rate: a share of the users' requests to the target is answered with an error, while every probe stays green."""

from typing import Annotated

from pydantic import PlainSerializer, PlainValidator

from chaos.faults.app import ENDPOINTS, ask, silent, status
from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params, Sighting, first_port, pick_pods, pod_path
from chaos.journal import Undo
from chaos.kube import KubeError, Refused, Unreachable
from chaos.needs import PROXY, Needs
from loadgen.units import Share

# Asked this often in a look; a few looks of four see a share of a tenth almost surely.
TRIES = 4


class ErrorRate(Params):
    """Every pod of the target fails this `share` of its users' requests."""

    share: Annotated[
        Share, PlainValidator(lambda v: v if isinstance(v, Share) else Share.parse(str(v))), PlainSerializer(str)
    ] = Share.parse("30%")


def inject(arena: Arena, params: ErrorRate) -> list[Injury]:
    pods = pick_pods(arena, sum(pod["ready"] for pod in arena.view.pods(arena.target).values()))
    if not pods:
        raise FaultRefused(f"{arena.target} has no Ready pod")
    return [_injure(arena, pod, params.share) for pod in pods]


def _injure(arena: Arena, name: str, share: Share) -> Injury:
    pod = arena.kube.get(pod_path(arena, name))
    port, uid = first_port(pod), pod["metadata"]["uid"]
    before = status(arena, name, port)
    endpoint = f"{port}/chaos/errors?share=0"
    undo = Undo(
        action="ask-pod", path=pod_path(arena, name), uid=uid, endpoint=endpoint, why=f"end the errors of pod {name}"
    )
    number = arena.will_undo(undo)
    ask(arena, "POST", name, port, f"/chaos/errors?share={share.of_one:g}")
    data = {"pod": name, "uid": uid, "port": port, "before": before}
    return Injury(target=name, detail=f"{share} of what users ask of pod {name} fails", undo=number, data=data)


def witness(arena: Arena, params: ErrorRate, injury: Injury) -> Sighting:  # noqa: ARG001  # every witness is called alike
    """A few requests straight to the pod, as a user's: does one of them fail with the app's own error?"""
    for tried in range(1, TRIES + 1):
        try:
            ask(arena, "GET", injury.target, injury.data["port"], "/")
        except Unreachable as error:
            if _own_error(error):
                detail = f"GET / straight to pod {injury.target}: 500, at try {tried}"
                return Sighting(ok=True, detail=detail)
            return Sighting(ok=False, detail=f"pod {injury.target} gave no answer of its own: {silent(error)}")
        except KubeError as error:
            return Sighting(ok=False, detail=f"pod {injury.target} gave no answer of its own: {silent(error)}")
    return Sighting(ok=False, detail=f"pod {injury.target} answered {TRIES} of {TRIES} times")


def _own_error(error: Unreachable) -> bool:
    """A 500 of the pod; those of the API server come as a Status with a reason."""
    cause = error.__cause__
    return isinstance(cause, Refused) and cause.code == 500 and not cause.reason


ERROR_RATE = FaultKind(
    name="error-rate",
    summary="a share of the users' requests is answered with an error, while every probe stays green",
    params=ErrorRate,
    exercises=("observability",),
    inject=inject,
    witness=witness,
    needs=ENDPOINTS,
    asks=Needs(permissions=PROXY),
)
