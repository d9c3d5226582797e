"""Pods that connect: what they run, and what they told last."""

import json
import time
from collections.abc import Callable
from functools import partial
from inspect import cleandoc
from typing import Any

from chaos.faults.kind import FaultRefused
from chaos.kube import Kube, KubeError, Obj
from loadgen.units import Duration

# Any image with Python does; the library's workloads use this one too, so it is there.
IMAGE = "python:3.12-slim"
DOOR = 8080
MARK = "seawall-knocks "
# A line older than this is no news: the client stopped, or its node is gone.
FRESH_SECONDS = 4
TOLD_WITHIN = Duration(20)

_CLIENT = cleandoc(
    """
    import asyncio, json, os, time

    async def knock(address, port):
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 0.8)
        except TimeoutError:
            return "timeout"
        except OSError as error:
            return error.strerror or str(error)
        writer.close()
        return "connected"

    async def main():
        doors = json.loads(os.environ["DOORS"])
        while True:
            began = time.monotonic()
            answers = await asyncio.gather(*(knock(*door) for door in doors.values()))
            print("{mark}" + json.dumps(dict(zip(doors, answers))), flush=True)
            await asyncio.sleep(max(0.1, 1 - time.monotonic() + began))

    asyncio.run(main())
    """
).replace("{mark}", MARK)

_LISTENER = cleandoc(
    """
    import asyncio

    async def answer(reader, writer):
        writer.close()

    async def main():
        await (await asyncio.start_server(answer, None, {door})).serve_forever()

    asyncio.run(main())
    """
).replace("{door}", str(DOOR))


def client_pod(name: str, doors: dict[str, list[Any]]) -> Obj:
    """A pod that knocks at every door, {name: [address, port]}, once a second and tells what it got."""
    return pod(name, _CLIENT, {"env": [{"name": "DOORS", "value": json.dumps(doors)}]})


def listener_pod(name: str) -> Obj:
    """A pod that lets everybody in; Ready once it does."""
    probe = {"tcpSocket": {"port": DOOR}, "periodSeconds": 1}
    return pod(name, _LISTENER, {"ports": [{"containerPort": DOOR}], "readinessProbe": probe})


def pod(name: str, program: str, more: Obj) -> Obj:
    """A pod of one container that runs a Python program and may do nothing else; `more` is added to the container."""
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
    resources = {"requests": {"cpu": "20m", "memory": "24Mi"}, "limits": {"memory": "64Mi"}}
    container = {"name": name, "image": IMAGE, "command": ["python3", "-c", program], "securityContext": context}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": name}},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{**container, "resources": resources, **more}],
        },
    }


def last_round(kube: Kube, pod: str, container: str = "") -> dict[str, str] | None:
    """What a client got at each door in its last round; None when it told nothing of late.

    `container` is the one that tells, of a pod that has several.
    """
    query = {"tailLines": 1, "sinceSeconds": FRESH_SECONDS, **({"container": container} if container else {})}
    try:
        text = kube.request("GET", f"{pod}/log", query=query, accept="*/*").decode(errors="replace")
    except KubeError:
        return None
    line = text.strip().rpartition("\n")[2]
    if not line.startswith(MARK):
        return None
    try:
        told: dict[str, str] = json.loads(line.removeprefix(MARK))
    except ValueError:
        return None
    return told


def reached(answer: str | None) -> bool:
    return answer == "connected"


def place(kube: Kube, namespace: str, pod: Obj) -> str:
    """Make the pod, as soon as its namespace has an account for it; its path."""
    _await(lambda: bool(kube.list(f"{namespace}/serviceaccounts")), f"no account in {namespace}")
    kube.create(pod, namespace.rpartition("/")[2])
    return f"{namespace}/pods/{pod['metadata']['name']}"


def address_of(kube: Kube, pod: str) -> str:
    """The address of a pod, once it is Ready. Raises `FaultRefused`."""
    found: list[str] = []

    def listens() -> bool:
        status = kube.get(pod).get("status") or {}
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
        found[:] = [status["podIP"]] if ready and status.get("podIP") else []
        return bool(found)

    _await(listens, f"pod {pod.rpartition('/')[2]} was not ready")
    return found[0]


def await_rounds(kube: Kube, *pods: str) -> None:
    """Until each of the pods has told something. Raises `FaultRefused`."""

    def told(pod: str) -> bool:
        return last_round(kube, pod) is not None

    for pod in pods:
        _await(partial(told, pod), f"pod {pod.rpartition('/')[2]} told nothing")


def _await(true: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + TOLD_WITHIN.seconds
    while not true():
        if time.monotonic() > deadline:
            raise FaultRefused(f"{otherwise} within {TOLD_WITHIN}; this fault needs to run pods of its own")
        time.sleep(0.1)
