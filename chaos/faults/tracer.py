"""Faults that ask nothing of the app: a tracer joins a pod and holds, ends or feeds its processes from beside them.

It is an ephemeral container that sees the processes of the pod's first container, and has the one capability that
ptrace(2) takes (and the one to open another user's files). It cannot be removed from a pod again, so the undo replaces
the pod. It ends with the container it traces, and by itself after `LASTS`: a run that was killed leaves nothing held.
"""

import time
from pathlib import Path

from chaos.faults.app import ENDPOINTS, will_replace
from chaos.faults.clients import IMAGE, last_round
from chaos.faults.kind import Arena, FaultRefused, Injury, pod_path
from chaos.kube import Obj, Refused
from loadgen.units import Duration

TRACER = "seawall-tracer"
PROGRAM = Path(__file__).with_name("tracing.py")
LASTS = Duration(600)
# On a node that has yet to pull the image.
TOLD_WITHIN = Duration(30)
LOOK_EVERY = Duration(0.1)
JOINS = "an ephemeral container with the capability SYS_PTRACE in its pods"
NO_ENDPOINTS = "does not offer the /chaos/ endpoints"
NEEDS = "an app that offers the /chaos/ endpoints, or an ephemeral container with SYS_PTRACE in its pods"


def by_tracer(arena: Arena, name: str, deed: str, what: str, *arguments: int) -> Injury:
    """A deed of `chaos.faults.tracing` to a pod's first container. Raises `FaultRefused` when it cannot be done."""
    pod = arena.kube.get(pod_path(arena, name))
    must_be_alone(pod, f"{ENDPOINTS}, or a pod without it")
    send(arena, pod, NO_ENDPOINTS, deed, *arguments, dryRun="All")
    number, data = will_replace(arena, pod, what)
    send(arena, pod, NO_ENDPOINTS, deed, *arguments)
    data |= {"tracer": TRACER, "before": _first_told(arena, name)}
    return Injury(target=name, detail=f"{what} in pod {name}, by a tracer", undo=number, data=data)


def must_be_alone(pod: Obj, needs: str) -> None:
    """Raises `FaultRefused` where the first process is not the app's: with hostPID, it is the whole node's."""
    for shared in ("hostPID", "shareProcessNamespace"):
        if pod["spec"].get(shared):
            name = pod["metadata"]["name"]
            raise FaultRefused(
                f"pod {name} has {shared}: true, so its app's processes cannot be told from others'; "
                f"this fault needs {needs}"
            )


def send(arena: Arena, pod: Obj, since: str, deed: str, *arguments: int, tracer: str = TRACER, **query: str) -> None:
    """Send a tracer into a pod, `since` the app gives no other way. Raises `FaultRefused` when it may not."""
    patch = {"spec": {"ephemeralContainers": [_container(pod, deed, arguments, tracer)]}}
    name, kind = pod["metadata"]["name"], "application/strategic-merge-patch+json"
    path = f"{pod_path(arena, name)}/ephemeralcontainers"
    try:
        arena.kube.request("PATCH", path, body=patch, content_type=kind, query=query)
    except Refused as refusal:
        raise FaultRefused(
            f"{arena.target} {since}, and no tracer may join pod {name}: {refusal}; "
            f"this fault needs {JOINS}, allowed by your permissions and by Pod Security"
        ) from refusal


def _container(pod: Obj, deed: str, arguments: tuple[int, ...], name: str) -> Obj:
    command = ["python3", "-c", PROGRAM.read_text(encoding="utf-8"), deed, f"{LASTS.seconds:g}", *map(str, arguments)]
    return {
        "name": name,
        "image": IMAGE,
        "command": command,
        "targetContainerName": pod["spec"]["containers"][0]["name"],
        "securityContext": {
            "runAsUser": 0,
            "runAsNonRoot": False,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"], "add": ["SYS_PTRACE", "DAC_OVERRIDE"]},
        },
    }


def _first_told(arena: Arena, name: str) -> dict[str, str]:
    """What the tracer says as it begins. Raises `FaultRefused` when it could not, or said nothing."""
    deadline = time.monotonic() + TOLD_WITHIN.seconds
    while (told := last_told(arena, name)) is None:
        if time.monotonic() > deadline:
            raise FaultRefused(f"the tracer in pod {name} told nothing within {TOLD_WITHIN}: {_state(arena, name)}")
        time.sleep(LOOK_EVERY.seconds)
    if "refused" in told:
        raise FaultRefused(f"the tracer in pod {name} cannot do it: {told['refused']}; this fault needs {ENDPOINTS}")
    return told


def last_told(arena: Arena, name: str) -> dict[str, str] | None:
    """The tracer's last word; None when it said nothing of late."""
    return last_round(arena.kube, pod_path(arena, name), TRACER)


def _state(arena: Arena, name: str) -> str:
    statuses = (arena.kube.get(pod_path(arena, name)).get("status") or {}).get("ephemeralContainerStatuses") or ()
    state = next((s.get("state") or {} for s in statuses if s["name"] == TRACER), {})
    told = (f"{how} {body.get('reason', '')} {body.get('message', '')}".strip() for how, body in state.items())
    return next(told, "the node has not begun to start it")
