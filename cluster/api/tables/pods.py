"""Pods: what STATUS and RESTARTS say is computed from the containers, as kubectl's users know it."""

from collections.abc import Iterable
from dataclasses import dataclass

from cluster.api.tables.duration import age, human_duration
from cluster.api.tables.table import AGE, NAME, Cells, Column, Table, wide
from cluster.api.tables.text import NONE, name, or_none
from cluster.client import Obj
from cluster.timestamps import parse_time

GATED = "SchedulingGated"


@dataclass(slots=True)
class _Summary:
    reason: str
    ready: int = 0
    restarts: int = 0
    last_restart: float = 0.0

    def count(self, status: Obj) -> None:
        self.restarts += status.get("restartCount", 0)
        ended = ((status.get("lastState") or {}).get("terminated") or {}).get("finishedAt")
        if ended:
            self.last_restart = max(self.last_restart, parse_time(ended))


def cells(pod: Obj, now: float) -> Cells:
    spec, status = pod.get("spec", {}), pod.get("status", {})
    summary = summarize(pod)
    containers = len(spec.get("containers") or ()) + len(_sidecars(spec))
    return [
        name(pod),
        f"{summary.ready}/{containers}",
        summary.reason,
        _restarts(summary, now),
        age(pod, now),
        or_none(status.get("podIP")),
        or_none(spec.get("nodeName")),
        or_none(status.get("nominatedNodeName")),
        _gates(spec, status),
    ]


def summarize(pod: Obj) -> _Summary:
    """STATUS, ready containers and restarts."""
    spec, status = pod.get("spec", {}), pod.get("status", {})
    summary = _Summary(_gated(status) or status.get("reason") or status.get("phase", ""))
    initializing = _initialize(summary, spec, status)
    if not initializing or _condition(status, "Initialized"):
        _run(summary, spec, status)
    if pod["metadata"].get("deletionTimestamp"):
        _end(summary, status)
    return summary


def _gated(status: Obj) -> str:
    reasons = (c.get("reason") for c in status.get("conditions") or () if c["type"] == "PodScheduled")
    return GATED if GATED in reasons else ""


def _initialize(summary: _Summary, spec: Obj, status: Obj) -> bool:
    """Walk the init containers up to the first that is not done; whether there is one."""
    sidecars, total = _sidecars(spec), len(spec.get("initContainers") or ())
    for i, container in enumerate(status.get("initContainerStatuses") or ()):
        summary.count(container)
        state = container.get("state") or {}
        if state.get("terminated") and state["terminated"].get("exitCode") == 0:
            continue
        if container["name"] in sidecars and container.get("started"):
            summary.ready += bool(container.get("ready"))
            continue
        summary.reason = f"Init:{_init_reason(state) or f'{i}/{total}'}"
        return True
    return False


def _init_reason(state: Obj) -> str:
    if state.get("terminated"):
        return _ended(state["terminated"])
    waiting = (state.get("waiting") or {}).get("reason", "")
    return "" if waiting == "PodInitializing" else str(waiting)


def _run(summary: _Summary, spec: Obj, status: Obj) -> None:
    sidecars = _sidecars(spec)
    summary.restarts, summary.last_restart = 0, 0.0
    for container in status.get("initContainerStatuses") or ():
        if container["name"] in sidecars:
            summary.count(container)
    running = False
    for container in reversed(status.get("containerStatuses") or ()):
        summary.count(container)
        state = container.get("state") or {}
        if (state.get("waiting") or {}).get("reason"):
            summary.reason = state["waiting"]["reason"]
        elif state.get("terminated"):
            summary.reason = _ended(state["terminated"], summary.reason)
        elif container.get("ready") and state.get("running") is not None:
            running = True
            summary.ready += 1
    # A finished container does not make the pod look finished while another one runs.
    if summary.reason == "Completed" and running:
        summary.reason = "Running" if _condition(status, "Ready") else "NotReady"


def _end(summary: _Summary, status: Obj) -> None:
    if status.get("reason") == "NodeLost":
        summary.reason = "Unknown"
    elif status.get("phase") not in ("Succeeded", "Failed"):
        summary.reason = "Terminating"


def _ended(terminated: Obj, so_far: str = "") -> str:
    """A container that completed does not hide one that failed."""
    if terminated.get("reason") == "Completed" and so_far == "Error":
        return so_far
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _sidecars(spec: Obj) -> set[str]:
    return {c["name"] for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"}


def _condition(status: Obj, type: str) -> bool:
    conditions: Iterable[Obj] = status.get("conditions") or ()
    return any(c["type"] == type and c["status"] == "True" for c in conditions)


def _restarts(summary: _Summary, now: float) -> str:
    if summary.restarts and summary.last_restart:
        return f"{summary.restarts} ({human_duration(now - summary.last_restart)} ago)"
    return str(summary.restarts)


def _gates(spec: Obj, status: Obj) -> str:
    gates = [gate["conditionType"] for gate in spec.get("readinessGates") or ()]
    return f"{sum(_condition(status, gate) for gate in gates)}/{len(gates)}" if gates else NONE


TABLE = Table(
    (
        NAME,
        Column(name="Ready", description="Containers that are ready, of all."),
        Column(name="Status", description="The phase, or what keeps the pod from running."),
        Column(name="Restarts", description="Restarts of its containers, and how long ago the last one was."),
        AGE,
        wide("IP"),
        wide("Node"),
        wide("Nominated Node"),
        wide("Readiness Gates"),
    ),
    cells,
)
