"""What the kubelet knows of one container, as values; every change makes a new one.

The order waiting → running → terminated, and what moves to `lastState` when, follows the recordings: a fresh crash is
shown as the state; once the container waits or runs again, the crash is the last state.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    started_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminated:
    exit_code: int
    reason: str
    started_at: float = 0.0
    finished_at: float = 0.0
    container_id: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a container; `attempt` counts from 0."""

    container_id: str
    attempt: int
    image: str
    image_id: str
    started_at: float = 0.0


State = Waiting | Running | Terminated


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStatus:
    """One entry of `containerStatuses`; times are seconds since 1970."""

    name: str
    image: str
    state: State
    image_id: str = ""
    container_id: str = ""
    last: Terminated | None = None
    restarts: int = 0
    started: bool = False
    ready: bool = False


def waiting(status: ContainerStatus, reason: str, message: str = "") -> ContainerStatus:
    """It does not run, and why; a crash that was shown becomes the last state."""
    state = Waiting(reason=reason, message=message)
    return replace(status, state=state, last=latest_end(status), started=False, ready=False)


def running(status: ContainerStatus, run: Run) -> ContainerStatus:
    """It runs; how it ended before becomes the last state."""
    state = Running(started_at=run.started_at)
    return replace(_of(status, run), state=state, last=latest_end(status), started=False, ready=False)


def terminated(status: ContainerStatus, run: Run, end: Terminated, *, ready: bool = False) -> ContainerStatus:
    """It ended. `ready` is true for an init container that did its work."""
    return replace(_of(status, run), state=end, last=latest_end(status), started=False, ready=ready)


def _of(status: ContainerStatus, run: Run) -> ContainerStatus:
    return replace(status, image=run.image, image_id=run.image_id, container_id=run.container_id, restarts=run.attempt)


def latest_end(status: ContainerStatus) -> Terminated | None:
    """How it ended most recently, whatever it does now."""
    return status.state if isinstance(status.state, Terminated) else status.last
