"""partition: what is sent to some Services never arrives and is never answered, while their pods are well.

To callers a connection opens and then stays silent. A link that is cut would not even let it open; either way who calls
without a time-out waits for ever.
"""

from pydantic import Field

from chaos.faults.kind import Arena, FaultKind, Injury, Params, Sighting
from chaos.faults.proxy import STAND_IN, SWALLOW, answers, stand_in
from chaos.faults.services import services_of_target
from chaos.kube import TimedOut
from chaos.needs import Needs
from loadgen.units import Duration

SILENCE = Duration(1)


class Partition(Params):
    """The `services` that callers are cut off from; unless named, those of the target."""

    services: tuple[str, ...] = Field(default=())


def inject(arena: Arena, params: Partition) -> list[Injury]:
    return stand_in(arena, params.services or services_of_target(arena), SWALLOW)


def witness(arena: Arena, params: Partition, injury: Injury) -> Sighting:  # noqa: ARG001  # every witness is called alike
    """Is the Service silent, while its pods answer straight?"""
    name, port = injury.data["service"], injury.data["port"]
    answers(arena, injury.data["twin"], port, SILENCE)
    try:
        answers(arena, name, port, SILENCE)
    except TimedOut:
        return Sighting(ok=True, detail=f"Service {name} does not answer within {SILENCE}, and its pods do")
    return Sighting(ok=False, detail=f"Service {name} answers")


PARTITION = FaultKind(
    name="partition",
    summary="some Services are cut off from their callers, while their pods are well",
    params=Partition,
    exercises=("observability",),
    inject=inject,
    witness=witness,
    asks=Needs(permissions=STAND_IN),
)
