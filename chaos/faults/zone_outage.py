"""zone-outage: all nodes of a zone are lost together."""

from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params
from chaos.faults.node_loss import lose, witness
from chaos.faults.nodes import busiest, check_room
from chaos.needs import CORDON, Needs
from chaos.nodes import NODES, ZONE, zone_of


class ZoneOutage(Params):
    """The zone with the most pods of the target is lost."""


def inject(arena: Arena, params: ZoneOutage) -> list[Injury]:  # noqa: ARG001  # every fault is called alike
    zones = {node["metadata"]["name"]: zone_of(node) for node in arena.kube.list(NODES)}
    if len({zone for zone in zones.values() if zone}) < 2:
        raise FaultRefused(f"the nodes are not in two or more zones (label {ZONE}), so none can be lost")
    zone = busiest(arena, lambda node: zones.get(node, ""))
    lost = sorted(node for node in zones if zones[node] == zone)
    check_room(arena, set(lost))
    return lose(arena, lost)


ZONE_OUTAGE = FaultKind(
    name="zone-outage",
    summary="all nodes of a zone go at once, and every pod of the workload on them without being asked",
    params=ZoneOutage,
    exercises=("replicas",),
    inject=inject,
    witness=witness,
    node_wide=True,
    asks=Needs(nodes=2, zones=2, permissions=CORDON),
)
