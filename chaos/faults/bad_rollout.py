"""bad-rollout: the target gets a new revision that cannot serve."""

from typing import Any, Literal

from chaos.faults.app import ask, silent
from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params, Sighting, first_port
from chaos.journal import Undo
from chaos.kube import Obj, Refused, TimedOut, Unreachable
from chaos.needs import NEW_REVISION, PROXY, Needs
from chaos.observe import workload_of
from loadgen.units import Duration

# Lets a pod that serves say so; one that does not never will.
ANSWER_WITHIN = Duration(1)
NO_SUCH_IMAGE = "registry.invalid/seawall/no-such-image:friday"
NEVER_PULLED = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName")


class BadRollout(Params):
    """How the new revision is broken: its process runs and never listens (needs `sleep` in the image), or there is no
    such image.
    """

    broken: Literal["never-listens", "no-image"] = "no-image"


def inject(arena: Arena, params: BadRollout) -> list[Injury]:
    if not arena.target.startswith("deployment/"):
        raise FaultRefused(f"{arena.target} is no Deployment, and only one of those is rolled out anew by this fault")
    path = f"/apis/apps/v1/namespaces/{arena.namespace}/{arena.target.replace('deployment/', 'deployments/')}"
    deployment = arena.kube.get(path)
    containers = deployment["spec"]["template"]["spec"]["containers"]
    undo = Undo(
        action="merge",
        path=path,
        uid=deployment["metadata"]["uid"],
        patch=_containers(containers),
        why=f"roll {arena.target} back",
    )
    data = {"broken": params.broken, "old": sorted(_pods(arena)), "container": containers[0]["name"]}
    number = arena.will_undo(undo)
    arena.kube.merge(path, _containers([{**containers[0], **_broken(params)}, *containers[1:]]))
    return [Injury(target=arena.target, detail=_detail(arena, params), undo=number, data=data)]


def _detail(arena: Arena, params: BadRollout) -> str:
    how = "whose image nobody has" if params.broken == "no-image" else "that runs and never listens"
    return f"{arena.target} got a new revision {how}"


def _containers(containers: list[Obj]) -> Obj:
    return {"spec": {"template": {"spec": {"containers": containers}}}}


def _broken(params: BadRollout) -> dict[str, Any]:
    if params.broken == "no-image":
        return {"image": NO_SUCH_IMAGE}
    return {"command": ["sleep", "86400"], "args": []}


def _pods(arena: Arena) -> dict[str, Obj]:
    found = arena.kube.list(f"/api/v1/namespaces/{arena.namespace}/pods")
    return {pod["metadata"]["name"]: pod for pod in found if workload_of(pod) == arena.target}


def witness(arena: Arena, params: BadRollout, injury: Injury) -> Sighting:
    """Is there a pod of the new revision, and does it not serve? Asked straight, past the Service."""
    new = {name: pod for name, pod in _pods(arena).items() if name not in injury.data["old"]}
    if not new:
        return Sighting(ok=False, detail="there is no pod of the new revision")
    name, pod = min(new.items())
    return _never_pulled(name, pod, injury) if params.broken == "no-image" else _never_listens(arena, name, pod)


def _never_pulled(name: str, pod: Obj, injury: Injury) -> Sighting:
    seen = (pod.get("status") or {}).get("containerStatuses") or ()
    state: Obj = next((s["state"] for s in seen if s["name"] == injury.data["container"]), {})
    reason = (state.get("waiting") or {}).get("reason", "")
    said = f"pod {name} of the new revision waits: {reason or 'no reason given yet'}"
    return Sighting(ok=reason in NEVER_PULLED, detail=said)


def _never_listens(arena: Arena, name: str, pod: Obj) -> Sighting:
    if (pod.get("status") or {}).get("phase") != "Running":
        return Sighting(ok=False, detail=f"pod {name} of the new revision does not run yet")
    try:
        ask(arena, "GET", name, first_port(pod), "/", ANSWER_WITHIN)
    except TimedOut:
        return Sighting(
            ok=True, detail=f"pod {name} of the new revision runs and does not answer within {ANSWER_WITHIN}"
        )
    except Unreachable as error:
        # An answer of the API server's own: it is there, and the pod behind it is not.
        refused = isinstance(error.__cause__, Refused)
        return Sighting(ok=refused, detail=f"pod {name} of the new revision runs and does not answer: {silent(error)}")
    return Sighting(ok=False, detail=f"pod {name} of the new revision answers")


BAD_ROLLOUT = FaultKind(
    name="bad-rollout",
    summary="the target is rolled out anew, in a revision that cannot serve",
    params=BadRollout,
    exercises=("replicas",),
    inject=inject,
    witness=witness,
    asks=Needs(permissions=PROXY | NEW_REVISION),
)
