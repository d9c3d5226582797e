"""crash-loop: the process of some pods of the target is ended, and ended again whenever it is back.

It is ended as from a shell in its container: `kill 1`, with the first of a few signals that it listens to. SIGKILL
would not do, as no process can send the first one of its own PID namespace that, or any signal that it has no handler
for (pid_namespaces(7)). Where it listens to none, or there is no shell, a tracer comes each time, and the kernel kills
what it traced as it ends. To the kubelet an ending is an ending: whatever the exit code, it waits longer each time.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pydantic import Field

from chaos.exec import run_in
from chaos.faults.kind import Arena, Deed, FaultKind, FaultRefused, Injury, Params, Sighting, pick_pods, pod_path
from chaos.faults.tracer import TRACER, must_be_alone, send
from chaos.journal import Undo
from chaos.kube import KubeError, Obj
from chaos.needs import EXEC, TRACE, Needs

DEAF = "heeds no signal from a shell"
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
# What the shell reads without another program: the signals that the first process has handlers for (proc(5)).
_CAUGHT = 'while read -r name mask; do if [ "$name" = SigCgt: ]; then echo "$mask"; fi; done < /proc/1/status'


class CrashLoop(Params):
    """`pods` of the target crash, and go on crashing."""

    pods: int = Field(default=1, ge=1)


def inject(arena: Arena, params: CrashLoop) -> list[Injury]:
    return [_first(arena, name) for name in pick_pods(arena, params.pods)]


def _first(arena: Arena, name: str) -> Injury:
    pod = arena.kube.get(pod_path(arena, name))
    must_be_alone(pod, "a pod without it")
    container, uid = pod["spec"]["containers"][0]["name"], pod["metadata"]["uid"]
    heeded = _heeded(arena, name, container)
    if not heeded:
        send(arena, pod, DEAF, "crash", dryRun="All")
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
    data = {"pod": name, "uid": uid, "container": container, "restarts": restarts, "signal": heeded}
    _end(arena, pod, data, restarts)
    how = f"was sent SIG{heeded}" if heeded else "heeds no signal, and is ended by a tracer"
    return Injury(target=name, detail=f"the program of pod {name} {how}", undo=number, data=data)


def _heeded(arena: Arena, name: str, container: str) -> str:
    """A signal that ends the program; "" where it listens to none, or no shell may send it one."""
    try:
        asked = run_in(arena.kube, pod_path(arena, name), container, ["sh", "-c", f"kill -0 1 && {_CAUGHT}"])
    except KubeError:
        # Of a container without a shell, real runtimes tell that it could not be run, and no exit code.
        return ""
    caught = int(asked.out.strip() or "0", 16) if asked.code == 0 else 0
    return next((s.name.removeprefix("SIG") for s in _SIGNALS if caught >> (s - 1) & 1), "")


def _end(arena: Arena, pod: Obj, data: dict[str, Any], restarts: int) -> None:
    """Raises `FaultRefused` when no tracer may come."""
    if not data["signal"]:
        # Named after the run that it ends: sent twice, it is the same.
        send(arena, pod, DEAF, "crash", tracer=f"{TRACER}-{restarts}")
        return
    # The shell ends with the container, and may take its answer along; the witness tells what came of it.
    with suppress(KubeError):
        kill = f"kill -{data['signal']} 1"
        run_in(arena.kube, pod_path(arena, pod["metadata"]["name"]), data["container"], ["sh", "-c", kill])


def go_on(arena: Arena, params: CrashLoop, injury: Injury) -> Iterator[Deed]:  # noqa: ARG001  # every fault is called alike
    """End it again if it is back."""
    now = _now(arena, injury)
    if now.get("restarts", 0) > injury.data["restarts"] and "running" in now.get("state", {}) and now.get("ready"):
        yield _again(arena, injury, now["restarts"])


def _again(arena: Arena, injury: Injury, restarts: int) -> Deed:
    name = injury.target
    try:
        _end(arena, arena.kube.get(pod_path(arena, name)), injury.data, restarts)
    except FaultRefused as refusal:
        return Deed(target=name, ok=False, detail=str(refusal))
    return Deed(target=name, ok=True, detail=f"the program of pod {name} was ended again")


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
    asks=Needs(permissions=EXEC, without_endpoints=TRACE),
)
