"""crash-loop: the process of some pods of the target is ended, and ended again whenever it is back.

It is ended as from a shell in its container: `kill 1`. SIGKILL would not do, as no process can send that to the first
one of its own PID namespace (pid_namespaces(7)); SIGTERM reaches every program that listens to it, as each that ends
in good order does. To the kubelet an ending is an ending: whatever the exit code, it waits longer before each restart.
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pydantic import Field

from chaos.exec import run_in
from chaos.faults.kind import Arena, Deed, FaultKind, FaultRefused, Injury, Params, Sighting, pick_pods, pod_path
from chaos.journal import Undo
from chaos.kube import KubeError
from chaos.needs import EXEC, Needs


class CrashLoop(Params):
    """`pods` of the target crash, and go on crashing."""

    pods: int = Field(default=1, ge=1)


def inject(arena: Arena, params: CrashLoop) -> list[Injury]:
    return [_first(arena, name) for name in pick_pods(arena, params.pods)]


def _first(arena: Arena, name: str) -> Injury:
    pod = arena.kube.get(pod_path(arena, name))
    container, uid = pod["spec"]["containers"][0]["name"], pod["metadata"]["uid"]
    shell = run_in(arena.kube, pod_path(arena, name), container, ["sh", "-c", "kill -0 1"])
    if shell.code != 0:
        said = (shell.err or shell.out).strip()[:200]
        raise FaultRefused(f"in container {container} of {name} no shell may end the program ({said})")
    # A pod that waits for its next restart serves nobody for minutes: it is replaced however often it was restarted.
    undo = Undo(
        action="delete-pod",
        path=pod_path(arena, name),
        uid=uid,
        container=container,
        restarts=sys.maxsize,
        why=f"replace pod {name} (a crash loop)",
    )
    restarts = next(s["restartCount"] for s in pod["status"]["containerStatuses"] if s["name"] == container)
    number = arena.will_undo(undo)
    _end(arena, name, container)
    data = {"pod": name, "uid": uid, "container": container, "restarts": restarts}
    return Injury(target=name, detail=f"the program of pod {name} was told to end", undo=number, data=data)


def _end(arena: Arena, pod: str, container: str) -> None:
    # The shell ends with the container, and may take its answer along; the witness tells what came of it.
    with suppress(KubeError):
        run_in(arena.kube, pod_path(arena, pod), container, ["sh", "-c", "kill 1"])


def go_on(arena: Arena, params: CrashLoop, injury: Injury) -> Iterator[Deed]:  # noqa: ARG001  # every fault is called alike
    """End it again if it is back."""
    now = _now(arena, injury)
    if now.get("restarts", 0) > injury.data["restarts"] and "running" in now.get("state", {}) and now.get("ready"):
        _end(arena, injury.target, injury.data["container"])
        yield Deed(target=injury.target, ok=True, detail=f"the program of pod {injury.target} was told to end again")


def _now(arena: Arena, injury: Injury) -> dict[str, Any]:
    """The container as the kubelet last told of it; empty when its pod is gone."""
    pod = arena.view.of("Pod").get(injury.target)
    if pod is None or pod["uid"] != injury.data["uid"]:
        return {}
    found: dict[str, Any] = next((c for c in pod["containers"] if c["name"] == injury.data["container"]), {})
    return found


def witness(arena: Arena, params: CrashLoop, injury: Injury) -> Sighting:  # noqa: ARG001  # every witness is called alike
    """Has the container ended, been restarted, and ended again, by the kubelet's own account?"""
    now = _now(arena, injury)
    restarts = now.get("restarts", injury.data["restarts"]) - injury.data["restarts"]
    # Between an ending and its back-off the kubelet tells `terminated`, and only then that it waits.
    endings = restarts + (1 if now and "running" not in now["state"] else 0)
    told = f"the container of pod {injury.target} ended {endings} times since and was restarted {restarts} times"
    reason = (now.get("state", {}).get("waiting") or {}).get("reason", "")
    detail = f"{told}; now it waits: {reason}" if reason else told
    return Sighting(ok=endings > 1, detail=detail, data={"restarts": restarts})


CRASH_LOOP = FaultKind(
    name="crash-loop",
    summary="the process of some pods ends, and again whenever it is back",
    params=CrashLoop,
    exercises=("replicas",),
    inject=inject,
    go_on=go_on,
    witness=witness,
    asks=Needs(permissions=EXEC),
)
