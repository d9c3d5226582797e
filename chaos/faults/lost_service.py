"""lost-service: one letter too many in a Service's selector. Its pods are well, and nobody finds them any more."""

from pydantic import Field

from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params, Sighting
from chaos.faults.services import endpoints_of, find_service, ready_behind, services_of_target, swap_selector
from chaos.needs import Needs

LABEL_VALUE_MAX = 63


class LostService(Params):
    """The `service` that is lost; unless named, the one that leads to the target."""

    service: str = Field(default="", max_length=63)


def misspelt(value: str) -> str:
    """Another label value, one keystroke away."""
    if len(value) == LABEL_VALUE_MAX:
        return value[:-2] + value[-1]
    return value + (value[-1:] or "x")


def inject(arena: Arena, params: LostService) -> list[Injury]:
    name = params.service or services_of_target(arena)[0]
    service = find_service(arena, name)
    selector: dict[str, str] = service["spec"]["selector"]
    pods, key = ready_behind(arena, selector), min(selector)
    if not pods:
        raise FaultRefused(f"Service {name} has no Ready pod, so there is none to lose")
    number = swap_selector(arena, service, {**selector, key: misspelt(selector[key])})
    detail = f"Service {name} selects {key}={misspelt(selector[key])} instead of {key}={selector[key]}"
    data = {"service": name, "selector": selector, "pods": pods}
    return [Injury(target=f"Service/{name}", detail=detail, undo=number, data=data)]


def witness(arena: Arena, params: LostService, injury: Injury) -> Sighting:  # noqa: ARG001  # every witness is called alike
    """Has the Service no endpoints, while the pods it used to select are Ready? Then the selector alone is why."""
    name, left = injury.data["service"], endpoints_of(arena, injury.data["service"])
    if left:
        return Sighting(ok=False, detail=f"Service {name} still has endpoints: {', '.join(sorted(left))}")
    well = ready_behind(arena, injury.data["selector"])
    detail = f"Service {name} has no endpoints, while {len(well)} pods that it used to select are Ready"
    return Sighting(ok=bool(well), detail=detail, data={"ready": well})


LOST_SERVICE = FaultKind(
    name="lost-service",
    summary="a typo in a Service's selector: its pods are well, and nobody finds them",
    params=LostService,
    exercises=("observability",),
    inject=inject,
    witness=witness,
    asks=Needs(permissions=frozenset({"get services", "patch services"})),
)
