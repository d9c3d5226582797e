"""Services that a fault gives another selector, and that get theirs back: shared by `lost-service` and the proxies."""

from typing import Any

from chaos.faults.kind import Arena, FaultRefused
from chaos.journal import Undo
from chaos.kube import Obj, Refused


def services_path(arena: Arena) -> str:
    return f"/api/v1/namespaces/{arena.namespace}/services"


def service_path(arena: Arena, name: str) -> str:
    return f"{services_path(arena)}/{name}"


def find_service(arena: Arena, name: str) -> Obj:
    """A Service with an address and a selector of its own. Raises `FaultRefused` for any other."""
    try:
        service = arena.kube.get(service_path(arena, name))
    except Refused as refusal:
        if refusal.code != 404:
            raise
        raise FaultRefused(f"the workload has no Service {name}") from refusal
    if not _has_address(service) or not service["spec"].get("selector"):
        raise FaultRefused(f"Service {name} has no address or no selector of its own, so nothing can be put behind it")
    return service


def _has_address(service: Obj) -> bool:
    return service["spec"].get("clusterIP") not in (None, "", "None")


def services_of_target(arena: Arena) -> list[str]:
    """The Services with an address that send traffic to the target now. Raises `FaultRefused` when there is none."""
    pods = set(arena.view.pods(arena.target))
    leading = {s["service"] for s in arena.view.of("EndpointSlice").values() if pods & set(s["ready"])}
    having = (s["metadata"]["name"] for s in arena.kube.list(services_path(arena)) if _has_address(s))
    if not (names := sorted(leading & set(having))):
        raise FaultRefused(f"no Service sends traffic to {arena.target}")
    return names


def ready_behind(arena: Arena, selector: dict[str, str]) -> list[str]:
    """The Ready pods of the namespace that carry these labels."""
    pods = arena.view.of("Pod").items()
    return sorted(name for name, pod in pods if pod["ready"] and selector.items() <= pod["labels"].items())


def endpoints_of(arena: Arena, service: str) -> set[str]:
    """The pods that a Service sends traffic to."""
    slices = arena.view.of("EndpointSlice").values()
    return {pod for s in slices if s["service"] == service for pod in s["ready"]}


def swap_selector(arena: Arena, service: Obj, selector: dict[str, str]) -> int:
    """Give the Service another selector; the number of the undo, which is written down first."""
    name, uid, old = service["metadata"]["name"], service["metadata"]["uid"], service["spec"]["selector"]
    path, why = service_path(arena, name), f"give Service {name} its selector back"
    number = arena.will_undo(Undo(action="merge", path=path, uid=uid, patch=turn(selector, old), why=why))
    arena.kube.merge(path, turn(old, selector))
    return number


def turn(old: dict[str, str], new: dict[str, str]) -> dict[str, Any]:
    """The merge patch that makes a selector `new`, whichever of `old`'s keys it lacks."""
    return {"spec": {"selector": {**dict.fromkeys(old), **new}}}
