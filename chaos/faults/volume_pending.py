"""volume-pending: no storage class is the default any more, and the workload grows by one replica with a claim.

What works on the laptop, where some class is the default, is Pending on the cluster where none is. Claims that are
bound already are not touched by this; only the new one meets the new world.
"""

from chaos.classes import CLASSES, DEFAULT, is_default
from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params, Sighting
from chaos.journal import Undo
from chaos.kube import Obj
from chaos.needs import Needs
from chaos.observe import workload_of

GROW = frozenset(
    {
        *(f"{verb} storageclasses.storage.k8s.io" for verb in ("get", "list", "patch")),
        *(f"{verb} statefulsets.apps" for verb in ("get", "patch")),
        "list persistentvolumeclaims",
    }
)


class VolumePending(Params):
    """Nothing to choose: one replica more, with no default class."""


def inject(arena: Arena, params: VolumePending) -> list[Injury]:  # noqa: ARG001  # every fault is called alike
    if not arena.target.startswith("statefulset/"):
        raise FaultRefused(f"{arena.target} is no StatefulSet, and only those ask for a claim with each new replica")
    path = f"/apis/apps/v1/namespaces/{arena.namespace}/{arena.target.replace('statefulset/', 'statefulsets/')}"
    target = arena.kube.get(path)
    if not target["spec"].get("volumeClaimTemplates"):
        raise FaultRefused(f"{arena.target} has no volumeClaimTemplates, so a new replica asks for no claim")
    before = sorted(_claims(arena))
    return [*(_undefault(arena, c) for c in _defaults(arena)), _grow(arena, path, target, before)]


def _defaults(arena: Arena) -> list[Obj]:
    """The classes to be changed: those of the first variant to ask, so that every variant undoes what any has done."""

    def names() -> str:
        return " ".join(sorted(c["metadata"]["name"] for c in arena.kube.list(CLASSES) if is_default(c)))

    return [arena.kube.get(f"{CLASSES}/{name}") for name in arena.agree("default classes", names).split()]


def _undefault(arena: Arena, storage_class: Obj) -> Injury:
    name = storage_class["metadata"]["name"]
    path = f"{CLASSES}/{name}"
    undo = Undo(
        action="merge",
        path=path,
        uid=storage_class["metadata"]["uid"],
        patch={"metadata": {"annotations": {DEFAULT: "true"}}},
        why=f"make storage class {name} the default again",
    )
    number = arena.will_undo(undo)
    arena.kube.merge(path, {"metadata": {"annotations": {DEFAULT: "false"}}})
    return Injury(target=name, detail=f"storage class {name} is no longer the default", undo=number)


def _grow(arena: Arena, path: str, target: Obj, before: list[str]) -> Injury:
    replicas = int(target["spec"].get("replicas", 1))
    undo = Undo(
        action="merge",
        path=path,
        uid=target["metadata"]["uid"],
        patch={"spec": {"replicas": replicas}},
        why=f"scale {arena.target} back to {replicas}",
    )
    number = arena.will_undo(undo)
    arena.kube.merge(path, {"spec": {"replicas": replicas + 1}})
    detail = f"{arena.target} was scaled from {replicas} to {replicas + 1}"
    return Injury(target=arena.target, detail=detail, undo=number, data={"claims": before, "replicas": replicas + 1})


def witness(arena: Arena, params: VolumePending, injury: Injury) -> Sighting:  # noqa: ARG001  # see above
    """Is there no default class, and what became of the new replica's claim?"""
    defaults = [c["metadata"]["name"] for c in arena.kube.list(CLASSES) if is_default(c)]
    if defaults:
        return Sighting(ok=False, detail=f"storage class {', '.join(defaults)} is the default")
    if injury.target != arena.target:
        return Sighting(ok=True, detail="no storage class is the default")
    new = {n: phase for n, phase in _claims(arena).items() if n not in injury.data["claims"]}
    if not new:
        return Sighting(ok=False, detail=f"{arena.target} has asked for no new claim yet")
    ready = sum(p["ready"] for p in arena.view.pods(arena.target).values())
    told = ", ".join(f"claim {name} is {phase or 'unknown'}" for name, phase in sorted(new.items()))
    detail = f"no storage class is the default; {told}; {ready} of {injury.data['replicas']} replicas Ready"
    why = _why(arena, new)
    data = {"claims": new, "ready": ready, "replicas": injury.data["replicas"], "why": why}
    return Sighting(ok=True, detail=detail + (f"; {why}" if why else ""), data=data)


def _why(arena: Arena, claims: dict[str, str]) -> str:
    """What the cluster last told about a claim that waits."""
    waiting = {f"PersistentVolumeClaim/{name}" for name, phase in claims.items() if phase != "Bound"}
    told = [e for e in arena.view.of("Event").values() if e.get("about") in waiting]
    return f"{told[-1]['reason']}: {told[-1]['message']}" if told else ""


def _claims(arena: Arena) -> dict[str, str]:
    """The claims that the target's pods mount, and their phases."""
    here = f"/api/v1/namespaces/{arena.namespace}"
    mounted = {
        v["persistentVolumeClaim"]["claimName"]
        for pod in arena.kube.list(f"{here}/pods")
        if workload_of(pod) == arena.target
        for v in pod["spec"].get("volumes") or ()
        if "persistentVolumeClaim" in v
    }
    found = {c["metadata"]["name"]: c for c in arena.kube.list(f"{here}/persistentvolumeclaims")}
    return {n: str((c.get("status") or {}).get("phase", "")) for n, c in found.items() if n in mounted}


VOLUME_PENDING = FaultKind(
    name="volume-pending",
    summary="no storage class is the default any more, and a StatefulSet grows by a replica with a claim",
    params=VolumePending,
    exercises=("storage",),
    inject=inject,
    witness=witness,
    node_wide=True,
    asks=Needs(permissions=GROW),
)
