"""latency: every hop takes longer, as with a mesh or a link that is worn out. Nothing fails; it only takes its time."""

import time

from pydantic import Field, field_validator

from chaos.faults.kind import Arena, FaultKind, Injury, Params, Sighting
from chaos.faults.proxy import STAND_IN, answers, stand_in
from chaos.faults.services import services_of_target
from chaos.needs import Needs
from chaos.promise import Time
from loadgen.units import Duration

# Of the delay, this much has to be seen: the way without the proxy takes time too, and not always the same.
SEEN_SHARE = 0.8
PATIENCE = Duration(2)


class Latency(Params):
    """What callers send to each of the `services` arrives `delay` later; unless named, to those of the target."""

    services: tuple[str, ...] = Field(default=())
    delay: Time = Duration(0.2)

    @field_validator("delay")
    @classmethod
    def _some(cls, delay: Duration) -> Duration:
        if not 0 < delay.seconds <= 10:
            raise ValueError("the delay is more than 0 and at most 10s")
        return delay


def inject(arena: Arena, params: Latency) -> list[Injury]:
    return stand_in(arena, params.services or services_of_target(arena), str(params.delay.seconds))


def witness(arena: Arena, params: Latency, injury: Injury) -> Sighting:
    """The round trip through the Service against the one through its twin, which leads straight to the same pods."""
    name, port = injury.data["service"], injury.data["port"]
    straight = _round_trip(arena, injury.data["twin"], port, PATIENCE)
    through = _round_trip(arena, name, port, Duration(params.delay.seconds + PATIENCE.seconds))
    data = {"straight_ms": straight.milliseconds, "through_ms": through.milliseconds}
    detail = f"Service {name} answers in {through}, its pods straight in {straight}"
    ok = through.seconds - straight.seconds >= SEEN_SHARE * params.delay.seconds
    return Sighting(ok=ok, detail=detail, data=data)


def _round_trip(arena: Arena, service: str, port: int, within: Duration) -> Duration:
    began = time.monotonic()
    answers(arena, service, port, within)
    return Duration(round(time.monotonic() - began, 4))


LATENCY = FaultKind(
    name="latency",
    summary="every request to some Services takes longer",
    params=Latency,
    exercises=("observability", "health-checks"),
    inject=inject,
    witness=witness,
    asks=Needs(permissions=STAND_IN),
)
