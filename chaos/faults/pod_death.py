"""pod-death: pods of the target log a last line and are deleted, and what the node kept of their logs with them.

An app that offers the /chaos/ endpoints says the line itself; for any other, a shell in its container writes it to the
output of the first process, which is what the node takes for its log.
"""

import time

from pydantic import Field

from chaos.exec import run_in
from chaos.faults.app import ask, offered
from chaos.faults.kind import Arena, FaultKind, FaultRefused, Injury, Params, Sighting, first_port, pick_pods, pod_path
from chaos.kube import KubeError, Obj, Refused
from chaos.needs import EXEC, PROXY, Needs
from loadgen.units import Duration

SAID_WITHIN = Duration(3)
LOOK_EVERY = Duration(0.1)


class PodDeath(Params):
    """`pods` of the target die."""

    pods: int = Field(default=1, ge=1)


def inject(arena: Arena, params: PodDeath) -> list[Injury]:
    return [_end(arena, name) for name in pick_pods(arena, params.pods)]


def _end(arena: Arena, name: str) -> Injury:
    """Nothing of it is to be undone: the workload's controller replaces the pod."""
    pod = arena.kube.get(pod_path(arena, name))
    uid = pod["metadata"]["uid"]
    words = f"last-words-of-{uid}"
    _say(arena, pod, words)
    if not _logged(arena, pod, words):
        raise FaultRefused(f"pod {name} was told to log a line and its log does not show it within {SAID_WITHIN}")
    arena.kube.delete(pod_path(arena, name), uid=uid)
    data = {"pod": name, "uid": uid, "last_words": words, "node": pod["spec"].get("nodeName", "")}
    return Injury(target=name, detail=f"pod {name} logged {words!r} and was deleted", undo=None, data=data)


def _say(arena: Arena, pod: Obj, words: str) -> None:
    name, container = pod["metadata"]["name"], pod["spec"]["containers"][0]["name"]
    if offered(arena, pod) is not None:
        ask(arena, "POST", name, first_port(pod), f"/chaos/say?words={words}")
        return
    shell = run_in(arena.kube, pod_path(arena, name), container, ["sh", "-c", f"echo {words} > /proc/1/fd/1"])
    if shell.code != 0:
        said = (shell.err or shell.out).strip()[:200]
        raise FaultRefused(
            f"{arena.target} does not offer the /chaos/ endpoints, and in container {container} of {name} no shell "
            f"may write to its log ({said})"
        )


def _logged(arena: Arena, pod: Obj, words: str) -> bool:
    deadline = time.monotonic() + SAID_WITHIN.seconds
    container, name = pod["spec"]["containers"][0]["name"], pod["metadata"]["name"]
    while time.monotonic() < deadline:
        query = {"container": container, "tailLines": 20}
        if words.encode() in arena.kube.request("GET", f"{pod_path(arena, name)}/log", query=query, accept="*/*"):
            return True
        time.sleep(LOOK_EVERY.seconds)
    return False


def witness(arena: Arena, params: PodDeath, injury: Injury) -> Sighting:  # noqa: ARG001  # every witness is called alike
    """Does the API server still give out the pod's log?"""
    try:
        arena.kube.request("GET", f"{pod_path(arena, injury.target)}/log", query={"tailLines": 1}, accept="*/*")
    except Refused as refusal:
        if refusal.code == 404:
            return Sighting(ok=True, detail=f"kubectl logs {injury.target}: {refusal.message}")
        return Sighting(ok=False, detail=f"the log of pod {injury.target} was refused: {refusal}")
    except KubeError as error:
        return Sighting(ok=False, detail=f"the log of pod {injury.target} could not be asked for: {error}")
    return Sighting(ok=False, detail=f"pod {injury.target} and its log are still there")


POD_DEATH = FaultKind(
    name="pod-death",
    summary="some pods log a last line and are deleted",
    params=PodDeath,
    exercises=("observability",),
    inject=inject,
    witness=witness,
    needs="an app that offers the /chaos/ endpoints, or a shell in its container",
    asks=Needs(permissions=PROXY, without_endpoints=EXEC),
)
