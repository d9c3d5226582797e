"""rogue-client: a pod of a foreign namespace knocks at every Service and pod of the workload, once a second.

Beside it stand two controls, for a policy in a file stops no packet, and silence has many reasons. A *listener* in the
rogue's own namespace shows that the rogue can connect at all. A *guest*, in a namespace labelled as the load's is with
`seawall.dev/role: load`, shows that the workload's front door answers those whom it should let in.

And the other way round: a pod of the target, as if somebody had got into it, connects to the rogue's listener. What it
brings home should not leave. That the rogue reaches the same listener is the control here too.
"""

from typing import Any

from chaos.exec import run_in
from chaos.faults.beside import beside
from chaos.faults.clients import (
    DOOR,
    address_of,
    await_rounds,
    client_pod,
    last_round,
    listener_pod,
    place,
    reached,
)
from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params, Sighting, pick_pods, pod_path
from chaos.faults.reach import REACH
from chaos.guard import ROLE_LABEL
from chaos.judging.network import CONNECTED, DROPPED, LISTENER
from chaos.kube import KubeError, Obj
from chaos.needs import EXEC, STRANGERS, Needs


class RogueClient(Params):
    """Nothing to choose: everything that listens is knocked at."""


def inject(arena: Arena, params: RogueClient) -> list[Injury]:  # noqa: ARG001  # every fault is called alike
    doors, front = _doors(arena), _front_doors(arena)
    if not front:
        raise FaultRefused(f"no Service sends traffic to {arena.target}, so nobody can be an allowed client of it")
    foreign, guests = beside(arena, "foreign"), beside(arena, "guests", **{ROLE_LABEL: "load"})
    listener = place(arena.kube, foreign, listener_pod("listener"))
    own = {LISTENER: [address_of(arena.kube, listener), DOOR]}
    rogue = place(arena.kube, foreign, client_pod("rogue", {**doors, **own}))
    guest = place(arena.kube, guests, client_pod("guest", {name: doors[name] for name in front}))
    await_rounds(arena.kube, rogue, guest)
    inside, address = pick_pods(arena, 1)[0], str(own[LISTENER][0])
    container = arena.kube.get(pod_path(arena, inside))["spec"]["containers"][0]["name"]
    way_out = {"pod": inside, "container": container, "address": address}
    data = {"rogue": rogue, "guest": guest, "doors": sorted(doors), "front": front, "way_out": way_out}
    detail = f"pod rogue of namespace {foreign.rpartition('/')[2]} knocks at {len(doors)} doors"
    return [Injury(target="rogue", detail=detail, undo=None, data=data)]


def _doors(arena: Arena) -> dict[str, list[Any]]:
    """Everything of the variant that listens on TCP, by name: its address and port."""
    found: dict[str, list[Any]] = {}
    here = f"/api/v1/namespaces/{arena.namespace}"
    for service in arena.kube.list(f"{here}/services"):
        address = service["spec"].get("clusterIP") or "None"
        for port in service["spec"].get("ports") or () if address != "None" else ():
            if port.get("protocol", "TCP") == "TCP":
                found[f"Service/{service['metadata']['name']}:{port['port']}"] = [address, port["port"]]
    for pod in arena.kube.list(f"{here}/pods"):
        address = (pod.get("status") or {}).get("podIP")
        for port in _ports(pod) if address else ():
            found[f"Pod/{pod['metadata']['name']}:{port}"] = [address, port]
    return found


def _ports(pod: Obj) -> list[int]:
    declared = (p for c in pod["spec"]["containers"] for p in c.get("ports") or ())
    return [p["containerPort"] for p in declared if p.get("protocol", "TCP") == "TCP"]


def _front_doors(arena: Arena) -> list[str]:
    """The Services that send traffic to the target: what an allowed client must reach."""
    pods = set(arena.view.pods(arena.target))
    names = {s["service"] for s in arena.view.of("EndpointSlice").values() if pods & set(s["ready"])}
    return sorted(door for door in _doors(arena) if door.startswith("Service/") and _name(door) in names)


def _name(door: str) -> str:
    return door.partition("/")[2].rpartition(":")[0]


def witness(arena: Arena, params: RogueClient, injury: Injury) -> Sighting:  # noqa: ARG001  # see above
    """What the rogue and the guest got in their last round, and which doors had somebody behind them."""
    rogue, guest = last_round(arena.kube, injury.data["rogue"]), last_round(arena.kube, injury.data["guest"])
    if rogue is None or guest is None:
        silent = " and ".join(n for n, told in (("rogue", rogue), ("guest", guest)) if told is None)
        return Sighting(ok=False, detail=f"pod {silent} told nothing of late")
    attended, out = _attended(arena, injury.data["doors"]), _way_out(arena, injury.data["way_out"])
    data = {"rogue": rogue, "guest": guest, "attended": attended, "out": out}
    if not reached(rogue.get(LISTENER)):
        detail = f"the rogue did not even reach its own listener ({rogue.get(LISTENER)}): its failures prove nothing"
        return Sighting(ok=False, detail=detail, data=data)
    shut = [door for door in injury.data["front"] if not reached(guest.get(door))]
    if shut:
        return Sighting(ok=False, detail=f"the allowed guest did not reach {', '.join(shut)}", data=data)
    through = [door for door in injury.data["doors"] if reached(rogue.get(door))]
    detail = f"the rogue got through {len(through)} of {len(injury.data['doors'])} doors; its listener and the guest's"
    return Sighting(ok=True, detail=f"{detail} front door answered", data=data)


def _way_out(arena: Arena, way: dict[str, str]) -> str:
    """What a pod of the target got at the rogue's listener, or why nobody knows."""
    command = ["sh", "-c", f"{REACH}\nreach out {way['address']} {DOOR}"]
    try:
        ended = run_in(arena.kube, pod_path(arena, way["pod"]), way["container"], command)
    except KubeError as error:
        return f"not tried: {error}"
    said = ended.out.strip().removeprefix("out=") or ended.err.strip()[:200]
    return {"done": CONNECTED, "timed out": DROPPED}.get(said, said)


def _attended(arena: Arena, doors: list[str]) -> list[str]:
    """The doors with a Ready pod behind them: only there does silence mean that somebody is kept out."""
    ready = {name for name, pod in arena.view.of("Pod").items() if pod["ready"]}
    served = {s["service"] for s in arena.view.of("EndpointSlice").values() if ready & set(s["ready"])}
    return [door for door in doors if _name(door) in (served if door.startswith("Service/") else ready)]


ROGUE_CLIENT = FaultKind(
    name="rogue-client",
    summary="a stranger connects to every Service and pod, the target to it, and an allowed client to the front door",
    params=RogueClient,
    exercises=("security",),
    inject=inject,
    witness=witness,
    asks=Needs(permissions=EXEC | STRANGERS | {"list services"}),
    tries=("NetworkPolicy",),
)
