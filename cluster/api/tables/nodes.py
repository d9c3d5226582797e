"""Nodes."""

from cluster.api.tables.duration import age
from cluster.api.tables.table import AGE, NAME, Cells, Column, Table, wide
from cluster.api.tables.text import name, or_none
from cluster.client import Obj

_ROLE = "node-role.kubernetes.io/"


def cells(node: Obj, now: float) -> Cells:
    info = node.get("status", {}).get("nodeInfo", {})
    kernel, architecture = info.get("kernelVersion", ""), info.get("architecture", "")
    return [
        name(node),
        _status(node),
        or_none(",".join(sorted(_roles(node)))),
        age(node, now),
        info.get("kubeletVersion", ""),
        _address(node, "InternalIP"),
        _address(node, "ExternalIP"),
        info.get("osImage") or "<unknown>",
        f"{kernel} ({architecture})" if architecture else kernel or "<unknown>",
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


def _status(node: Obj) -> str:
    ready = [c["status"] for c in node.get("status", {}).get("conditions") or () if c["type"] == "Ready"]
    state = ("Ready" if ready[0] == "True" else "NotReady") if ready else "Unknown"
    return f"{state},SchedulingDisabled" if node.get("spec", {}).get("unschedulable") else state


def _roles(node: Obj) -> set[str]:
    labels = node["metadata"].get("labels") or {}
    roles = {key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE)}
    return roles | {labels[key] for key in ("kubernetes.io/role",) if labels.get(key)}


def _address(node: Obj, type: str) -> str:
    addresses = node.get("status", {}).get("addresses") or ()
    return next((str(a["address"]) for a in addresses if a["type"] == type), "<none>")


TABLE = Table(
    (
        NAME,
        Column(name="Status"),
        Column(name="Roles"),
        AGE,
        Column(name="Version"),
        *map(wide, ("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime")),
    ),
    cells,
)
