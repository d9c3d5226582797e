"""Nodes as the engine asks about them."""

from chaos.kube import Kube, Obj

NODES = "/api/v1/nodes"
HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
POWER = "seawall.dev/power"
"""An annotation that says "on" or "off", on nodes that do as it says: they can really be lost."""


def nodes_for_pods(kube: Kube) -> list[str]:
    """Nodes that are Ready and open to pods, by name."""
    return sorted(n["metadata"]["name"] for n in kube.list(NODES) if takes_pods(n))


def takes_pods(node: Obj) -> bool:
    spec = node.get("spec") or {}
    conditions = {c["type"]: c["status"] for c in (node.get("status") or {}).get("conditions") or ()}
    shut = any(t["effect"] in {"NoSchedule", "NoExecute"} for t in spec.get("taints") or ())
    return conditions.get("Ready") == "True" and not spec.get("unschedulable") and not shut


def can_lose_power(node: Obj) -> bool:
    return POWER in (node["metadata"].get("annotations") or {})


def has_power(node: Obj) -> bool:
    """As far as the node says so."""
    return bool((node["metadata"].get("annotations") or {}).get(POWER) != "off")


def zone_of(node: Obj) -> str:
    """Empty for a node that says nothing of its zone."""
    return str((node["metadata"].get("labels") or {}).get(ZONE, ""))
