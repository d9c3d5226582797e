"""The state machine of a probe: everything that decides what outcomes mean is here. Pure.

| probe | before any outcome | on enough failures | on enough successes |
| --- | --- | --- | --- |
| startup | unknown: the others wait | container is killed | container is started, the probe ends |
| liveness | success | container is killed | - |
| readiness | failure | not ready | ready |
"""

from dataclasses import dataclass, replace
from enum import Enum, StrEnum

from cluster.client import Obj

_SLACK_SECONDS = 0.001


class ProbeKind(StrEnum):
    STARTUP = "startup"
    LIVENESS = "liveness"
    READINESS = "readiness"


class Result(Enum):
    UNKNOWN = 0
    SUCCESS = 1
    FAILURE = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check found; `message` is what the Unhealthy event tells, `warning` what is odd about a success."""

    success: bool
    message: str = ""
    warning: str = ""


class CheckErrored(Exception):
    """A check that could not be made: told, but it says nothing about the container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A probe's numbers as the API defaults them; times are in seconds."""

    initial_delay: float
    period: float
    timeout: float
    successes: int
    failures: int
    grace: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeState:
    result: Result
    last: bool | None = None
    run: int = 0


INITIAL = {
    ProbeKind.STARTUP: ProbeState(result=Result.UNKNOWN),
    ProbeKind.LIVENESS: ProbeState(result=Result.SUCCESS),
    ProbeKind.READINESS: ProbeState(result=Result.FAILURE),
}


def settings(probe: Obj) -> Settings:
    return Settings(
        initial_delay=probe.get("initialDelaySeconds") or 0,
        period=probe.get("periodSeconds") or 10,
        timeout=probe.get("timeoutSeconds") or 1,
        successes=probe.get("successThreshold") or 1,
        failures=probe.get("failureThreshold") or 3,
        grace=probe.get("terminationGracePeriodSeconds"),
    )


def step(state: ProbeState, outcome: Outcome, rules: Settings) -> ProbeState:
    """The state after one more outcome: the result changes only after enough equal outcomes in a row."""
    run = state.run + 1 if state.last == outcome.success else 1
    moved = replace(state, last=outcome.success, run=run)
    if run < (rules.successes if outcome.success else rules.failures):
        return moved
    return replace(moved, result=Result.SUCCESS if outcome.success else Result.FAILURE)


def kills(kind: ProbeKind, state: ProbeState) -> bool:
    """Whether the container must be restarted."""
    return kind is not ProbeKind.READINESS and state.result is Result.FAILURE


def ends(kind: ProbeKind, state: ProbeState) -> bool:
    """Whether this probe is over for this run of the container."""
    return kills(kind, state) or (kind is ProbeKind.STARTUP and state.result is Result.SUCCESS)


def next_tick(origin: float, period: float, now: float) -> float:
    """When the probe is due after `now`: ticks count from when the pod came, not from the container's start."""
    # A timer may ring a little early; without the slack the same tick would come twice.
    return origin + ((now + _SLACK_SECONDS - origin) // period + 1) * period
