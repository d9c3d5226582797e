"""A pod's status from what the kubelet knows: pure. Phases, conditions and their reasons as in the recordings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cluster.client import Obj
from cluster.kubelet import podspec
from cluster.kubelet.allocation import IN_PROGRESS, PENDING
from cluster.kubelet.states import ContainerStatus, Running, State, Terminated, Waiting
from cluster.quota import pod_resources
from cluster.timestamps import format_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why the kubelet itself ended a pod: Evicted, DeadlineExceeded. `disruption` adds that condition."""

    reason: str
    message: str
    disruption: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PodView:
    """What the kubelet knows of a pod. `finished`: every container has stopped for good and the sandbox is gone."""

    init: tuple[ContainerStatus, ...] = ()
    main: tuple[ContainerStatus, ...] = ()
    ephemeral: tuple[ContainerStatus, ...] = ()
    start_time: float
    host_ip: str
    pod_ip: str = ""
    sandbox: bool = False
    finished: bool = False
    failure: Failure | None = None
    resources: Mapping[str, Obj] = field(default_factory=dict)
    """What the containers that run may use, by name."""
    resize: tuple[Obj, ...] = ()
    """The conditions of a resize."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    status: str
    reason: str = ""
    message: str = ""


def render(pod: Obj, view: PodView, now: float) -> Obj:
    """The whole status. Conditions of others (readiness gates, disruption) are kept, transition times too."""
    reached = "Failed" if view.failure and view.finished else phase(pod, view)
    status: Obj = {
        "observedGeneration": pod["metadata"].get("generation", 1),
        "phase": _shown(reached, view, pod),
        "conditions": _conditions(pod, view, reached, now),
        "hostIP": view.host_ip,
        "hostIPs": [{"ip": view.host_ip}],
        "startTime": format_time(view.start_time),
        "containerStatuses": [_container(pod, c, view) for c in _by_name(view.main)],
        "qosClass": pod.get("status", {}).get("qosClass", "BestEffort"),
    } | _pod_resources(pod)
    if view.init:
        status["initContainerStatuses"] = [_container(pod, c, view) for c in view.init]
    if view.ephemeral:
        status["ephemeralContainerStatuses"] = [_container(pod, c, view) for c in _by_name(view.ephemeral)]
    if view.pod_ip and (_has_begun(view) or view.pod_ip == view.host_ip):
        status |= {"podIP": view.pod_ip, "podIPs": [{"ip": view.pod_ip}]}
    if view.failure and view.finished:
        status |= {"reason": view.failure.reason, "message": view.failure.message}
    return status


def _by_name(statuses: tuple[ContainerStatus, ...]) -> list[ContainerStatus]:
    """Containers that start together are told by name, init containers in the order in which they start."""
    return sorted(statuses, key=lambda status: status.name)


def _has_begun(view: PodView) -> bool:
    """Whether anything came of any container; before that, a ready sandbox does not show the pod's address."""
    untouched = ("ContainerCreating", "PodInitializing")
    return any(not (isinstance(c.state, Waiting) and c.state.reason in untouched) for c in (*view.init, *view.main))


def changes(old: Obj, new: Obj) -> Obj:
    """The merge patch that turns one status into the other; empty when they are equal."""
    patch = {key: value for key, value in new.items() if _bare(old.get(key)) != _bare(value)}
    gone = {"reason", "message"} & (old.keys() - new.keys())
    return patch | dict.fromkeys(gone)


def _bare(value: Any) -> Any:
    """Without nulls, which an API server may keep or drop."""
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if isinstance(value, dict):
        return {key: _bare(each) for key, each in value.items() if each is not None}
    return value


def phase(pod: Obj, view: PodView) -> str:
    """Pending, Running, Succeeded or Failed, from the containers' states and the restart policy."""
    policy = podspec.restart_policy(pod)
    if policy == "Never" and any(_init_failed(pod, c) for c in view.init):
        return "Failed"
    if any(_init_pending(pod, c) for c in view.init) and not view.finished:
        return "Pending"
    if any(isinstance(c.state, Waiting) and c.last is None for c in view.main):
        return "Pending"
    if any(isinstance(c.state, Running) for c in view.main):
        return "Running"
    if any(isinstance(c.state, Running) and _is_sidecar(pod, c.name) for c in view.init):
        return "Running"
    return _phase_of_stopped(policy, view)


def _phase_of_stopped(policy: str, view: PodView) -> str:
    succeeded = all(isinstance(c.state, Terminated) and c.state.exit_code == 0 for c in view.main)
    if view.finished:
        return "Succeeded" if succeeded else "Failed"
    if policy == "Always":
        return "Running"
    if succeeded:
        return "Succeeded"
    ended = all(isinstance(c.state, Terminated) for c in view.main)
    return "Failed" if policy == "Never" and ended else "Running"


def _shown(reached: str, view: PodView, pod: Obj) -> str:
    # A pod counts as over only when nothing of it is left; until then it shows what it was (pod-completes).
    if reached in ("Succeeded", "Failed") and not view.finished:
        before = str(pod.get("status", {}).get("phase", "Pending"))
        ran = any(not isinstance(c.state, Waiting) and _has_started(c) for c in view.main)
        return "Running" if ran or before == "Running" else "Pending"
    return reached


def _has_started(status: ContainerStatus) -> bool:
    return not (isinstance(status.state, Terminated) and status.state.reason == "StartError")


def _is_sidecar(pod: Obj, name: str) -> bool:
    container = podspec.container_named(pod, name)
    return container is not None and podspec.is_sidecar(container)


def _init_failed(pod: Obj, status: ContainerStatus) -> bool:
    end = status.state if isinstance(status.state, Terminated) else None
    return end is not None and end.exit_code != 0 and not _is_sidecar(pod, status.name)


def _init_pending(pod: Obj, status: ContainerStatus) -> bool:
    if _is_sidecar(pod, status.name):
        return not status.started and not isinstance(status.state, Terminated)
    return not (isinstance(status.state, Terminated) and status.state.exit_code == 0)


def _conditions(pod: Obj, view: PodView, reached: str, now: float) -> list[Obj]:
    before = {c["type"]: c for c in pod.get("status", {}).get("conditions") or []}
    ready = _containers_ready(pod, view, reached)
    verdicts = {
        "PodReadyToStartContainers": _Verdict(_flag(view.sandbox)),
        "Initialized": _initialized(pod, view, reached),
        "Ready": _pod_ready(pod, ready, before, reached),
        "ContainersReady": ready,
        "PodScheduled": _Verdict("True"),
    }
    if view.failure and view.failure.disruption and view.finished:
        verdicts = {"DisruptionTarget": _Verdict("True", "TerminationByKubelet", view.failure.message)} | verdicts
    foreign = [c for c in before.values() if c["type"] not in (*verdicts, PENDING, IN_PROGRESS)]
    generation = pod["metadata"].get("generation", 1)
    own = [_condition(name, verdict, before.get(name), generation, now) for name, verdict in verdicts.items()]
    return [*foreign, *view.resize, *own]


def _condition(name: str, verdict: _Verdict, before: Obj | None, generation: int, now: float) -> Obj:
    same = before is not None and before["status"] == verdict.status
    since = before["lastTransitionTime"] if same and before else format_time(now)
    condition: Obj = {
        "type": name,
        "observedGeneration": generation,
        "status": verdict.status,
        "lastProbeTime": None,
        "lastTransitionTime": since,
    }
    return condition | _present(reason=verdict.reason, message=verdict.message)


def _initialized(pod: Obj, view: PodView, reached: str) -> _Verdict:
    if reached == "Succeeded":
        return _Verdict("True", "PodCompleted")
    if any(isinstance(c.state, Running | Terminated) for c in view.main):
        return _Verdict("True")
    incomplete = [c.name for c in view.init if _incomplete(pod, c)]
    if incomplete:
        return _Verdict(
            "False", "ContainersNotInitialized", f"containers with incomplete status: {_go_list(incomplete)}"
        )
    return _Verdict("True")


def _incomplete(pod: Obj, status: ContainerStatus) -> bool:
    return not (status.started if _is_sidecar(pod, status.name) else status.ready)


def _containers_ready(pod: Obj, view: PodView, reached: str) -> _Verdict:
    if reached == "Succeeded":
        return _Verdict("False", "PodCompleted")
    if reached == "Failed":
        return _Verdict("False", "PodFailed")
    sidecars = [c for c in view.init if _is_sidecar(pod, c.name)]
    unready = [c.name for c in (*sidecars, *view.main) if not c.ready]
    if unready:
        return _Verdict("False", "ContainersNotReady", f"containers with unready status: {_go_list(unready)}")
    return _Verdict("True")


def _pod_ready(pod: Obj, containers: _Verdict, conditions: dict[str, Obj], reached: str) -> _Verdict:
    if containers.status != "True" or reached in ("Succeeded", "Failed"):
        return containers
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or []]
    closed = [text for gate in gates if (text := _gate(gate, conditions.get(gate)))]
    return _Verdict("False", "ReadinessGatesNotReady", ", ".join(closed)) if closed else _Verdict("True")


def _gate(name: str, condition: Obj | None) -> str:
    if condition is None:
        return f'corresponding condition of pod readiness gate "{name}" does not exist.'
    if condition["status"] != "True":
        return f'the status of pod readiness gate "{name}" is not "True", but {condition["status"]}'
    return ""


def _container(pod: Obj, status: ContainerStatus, view: PodView) -> Obj:
    spec = podspec.container_named(pod, status.name) or {}
    rendered: Obj = {
        "name": status.name,
        "state": _state(status.state),
        "lastState": _state(status.last) if status.last else {},
        "ready": status.ready,
        "restartCount": status.restarts,
        "image": status.image,
        "imageID": status.image_id,
        "started": status.started,
    }
    if status.container_id:
        used = _resources(spec, view.resources.get(status.name))
        rendered |= {"containerID": f"containerd://{status.container_id}"} | used
    mounts = [_mount(m) for m in spec.get("volumeMounts") or []]
    return rendered | _present(volumeMounts=mounts)


def _pod_resources(pod: Obj) -> Obj:
    """Of the pod as a whole (KEP-2837)."""
    known = {key: amounts for key, amounts in pod_resources(pod["spec"]).items() if amounts}
    return _present(allocatedResources=known.get("requests")) | {"resources": known}


def _resources(spec: Obj, in_force: Obj | None) -> Obj:
    """What is allocated to a container, and what it runs with."""
    allocated = spec.get("resources") or {}
    resources = allocated if in_force is None else in_force
    known = {key: resources[key] for key in ("limits", "requests") if resources.get(key)}
    return _present(allocatedResources=allocated.get("requests")) | {"resources": known}


def _mount(mount: Obj) -> Obj:
    shown: Obj = {"name": mount["name"], "mountPath": mount["mountPath"]}
    return shown | ({"readOnly": True, "recursiveReadOnly": "Disabled"} if mount.get("readOnly") else {})


def _state(state: State) -> Obj:
    match state:
        case Waiting():
            return {"waiting": {"reason": state.reason} | _present(message=state.message)}
        case Running():
            return {"running": {"startedAt": format_time(state.started_at)}}
        case Terminated():
            return {"terminated": _terminated(state)}


def _terminated(end: Terminated) -> Obj:
    shown: Obj = {
        "exitCode": end.exit_code,
        "reason": end.reason,
        "startedAt": format_time(end.started_at),
        "finishedAt": format_time(end.finished_at),
    }
    identity = f"containerd://{end.container_id}" if end.container_id else ""
    return shown | _present(containerID=identity, message=end.message)


def _present(**fields: Any) -> Obj:
    return {key: value for key, value in fields.items() if value}


def _flag(value: bool) -> str:
    return "True" if value else "False"


def _go_list(names: list[str]) -> str:
    return f"[{' '.join(names)}]"
