"""A status is computed as a real kubelet does: the same containers' states give the same phase and conditions.

`recorded/statuses.jsonl` holds what was watched on a real cluster (v1.36.2), one status a line.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from cluster.client import Obj
from cluster.kubelet.states import (
    ContainerStatus,
    Run,
    Running,
    State,
    Terminated,
    Waiting,
    running,
    terminated,
    waiting,
)
from cluster.kubelet.status import Failure, PodView, changes, render
from cluster.timestamps import parse_time
from tests.kubelet.fakes import EPOCH, container, pod

RECORDED = [json.loads(line) for line in (Path(__file__).parent / "recorded/statuses.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: str(recorded["case"]))
def test_phase_and_conditions_are_the_recorded_ones(recorded: Obj) -> None:
    ours = render(manifest_of(recorded), view_of(recorded["status"]), EPOCH)
    assert ours["phase"] == recorded["status"]["phase"]
    assert [told(c) for c in ours["conditions"]] == [told(c) for c in recorded["status"]["conditions"]]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: str(recorded["case"]))
def test_container_states_are_spelled_as_recorded(recorded: Obj) -> None:
    ours = render(manifest_of(recorded), view_of(recorded["status"]), EPOCH)
    for mine, real in zip(ours["containerStatuses"], recorded["status"]["containers"], strict=True):
        assert {key: mine[key] for key in real} == real


def manifest_of(recorded: Obj) -> Obj:
    init = [
        container(c["name"], **({"restartPolicy": "Always"} if c["name"] in recorded["sidecars"] else {}))
        for c in recorded["status"]["init"]
    ]
    mains = [container(c["name"]) for c in recorded["status"]["containers"]]
    found = pod(*mains, restartPolicy=recorded["restartPolicy"], initContainers=init)
    found["status"]["phase"] = recorded["status"]["phase"]
    return found


def view_of(status: Obj) -> PodView:
    conditions = {c["type"]: c for c in status["conditions"]}
    disruption = conditions.get("DisruptionTarget")
    failure = Failure(reason="Evicted", message=disruption["message"], disruption=True) if disruption else None
    sandbox = conditions["PodReadyToStartContainers"]["status"] == "True"
    return PodView(
        init=tuple(container_status(c) for c in status["init"]),
        main=tuple(container_status(c) for c in status["containers"]),
        start_time=EPOCH,
        host_ip="198.19.255.1",
        sandbox=sandbox,
        finished=not sandbox and status["phase"] in ("Succeeded", "Failed"),
        failure=failure,
    )


def container_status(recorded: Obj) -> ContainerStatus:
    last = state_of(recorded["lastState"]) if recorded["lastState"] else None
    assert last is None or isinstance(last, Terminated)
    return ContainerStatus(
        name=recorded["name"],
        image="demo/app:1",
        state=state_of(recorded["state"]),
        last=last,
        restarts=recorded["restartCount"],
        ready=recorded["ready"],
        started=recorded["started"],
    )


def state_of(recorded: Obj) -> State:
    ((kind, fields),) = recorded.items()
    if kind == "waiting":
        return Waiting(**fields)
    if kind == "running":
        return Running(started_at=parse_time(fields["startedAt"]))
    return Terminated(
        exit_code=fields["exitCode"],
        reason=fields["reason"],
        started_at=parse_time(fields["startedAt"]),
        finished_at=parse_time(fields["finishedAt"]),
        container_id=fields["containerID"].removeprefix("containerd://"),
    )


def told(condition: Obj) -> dict[str, Any]:
    return {key: condition[key] for key in ("type", "status", "reason", "message") if condition.get(key)}


def simple_view(**fields: Any) -> PodView:
    main = ContainerStatus(name="app", image="x", state=Running(started_at=EPOCH), ready=True, started=True)
    return PodView(main=(main,), start_time=EPOCH, host_ip="1.2.3.4", sandbox=True, **fields)


class TestConditions:
    def test_a_transition_is_timed_once(self) -> None:
        manifest = pod()
        manifest["status"] = render(manifest, simple_view(), EPOCH)
        later = render(manifest, simple_view(), EPOCH + 60)
        assert later["conditions"] == manifest["status"]["conditions"]

    def test_readiness_gates_hold_the_pod_back(self) -> None:
        manifest = pod(readinessGates=[{"conditionType": "example.com/lb"}])
        ready = condition(render(manifest, simple_view(), EPOCH), "Ready")
        assert (ready["status"], ready["reason"]) == ("False", "ReadinessGatesNotReady")
        assert ready["message"] == 'corresponding condition of pod readiness gate "example.com/lb" does not exist.'
        manifest["status"]["conditions"] = [{"type": "example.com/lb", "status": "True", "lastTransitionTime": "x"}]
        status = render(manifest, simple_view(), EPOCH)
        assert condition(status, "Ready")["status"] == "True"
        assert condition(status, "example.com/lb")["status"] == "True", "what others say is kept"


class TestChanges:
    def test_only_what_differs_is_written(self) -> None:
        old = render(pod(), simple_view(), EPOCH)
        new = render(pod(), simple_view(pod_ip="198.18.1.9"), EPOCH)
        assert changes(old, new) == {"podIP": "198.18.1.9", "podIPs": [{"ip": "198.18.1.9"}]}

    def test_an_old_reason_is_removed(self) -> None:
        assert changes({"reason": "Evicted", "message": "x"}, {}) == {"reason": None, "message": None}

    def test_nulls_that_the_api_drops_are_no_change(self) -> None:
        assert changes({"conditions": [{"type": "a"}]}, {"conditions": [{"type": "a", "lastProbeTime": None}]}) == {}


def condition(status: Obj, kind: str) -> Obj:
    return next(c for c in status["conditions"] if c["type"] == kind)


class TestStates:
    FIRST = Run(container_id="1", attempt=0, image="i", image_id="id")
    SECOND = Run(container_id="2", attempt=1, image="i", image_id="id")
    END = Terminated(exit_code=1, reason="Error")

    def test_a_crash_is_the_state_until_the_container_waits_or_runs_again(self) -> None:
        fresh = ContainerStatus(name="app", image="i", state=Waiting(reason="ContainerCreating"))
        crashed = terminated(running(fresh, self.FIRST), self.FIRST, self.END)
        assert (crashed.state, crashed.last, crashed.restarts) == (self.END, None, 0)
        held = waiting(crashed, "CrashLoopBackOff")
        assert (held.last, held.restarts) == (self.END, 0)
        again = running(held, self.SECOND)
        assert (again.last, again.restarts) == (self.END, 1)
