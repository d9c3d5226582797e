"""Events: shapes and aggregation as recorded on a real cluster."""

import random
from pathlib import Path

import pytest

from cluster.api.core import Core
from cluster.api.local import LocalClient
from cluster.client import Obj
from cluster.config import ClusterConfig
from cluster.events import BURST, EventRecorder
from cluster.timestamps import format_time


class Clock:
    """Stands still until told."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(tmp_path: Path, clock: Clock) -> LocalClient:
    core = Core(ClusterConfig(id="test", state_dir=tmp_path), clock=clock, chance=random.Random(7))
    return core.client("system:test")


def about(namespace: str = "default") -> Obj:
    metadata = {"name": "app", "namespace": namespace, "uid": "u", "resourceVersion": "5"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


def events(client: LocalClient) -> list[Obj]:
    return client.list("events", "default")


def test_an_event_has_the_recorded_fields(client: LocalClient, clock: Clock) -> None:
    EventRecorder(client, "kubelet", "node2", clock).event(
        about(), "Normal", "Killing", "Stopping container app", "spec.containers{app}"
    )
    (event,) = events(client)
    moment = format_time(clock.now)
    assert event["metadata"]["name"].startswith("app.")
    assert event["involvedObject"] == {
        "kind": "Pod",
        "namespace": "default",
        "name": "app",
        "uid": "u",
        "apiVersion": "v1",
        "resourceVersion": "5",
        "fieldPath": "spec.containers{app}",
    }
    assert event["source"] == {"component": "kubelet", "host": "node2"}
    assert (event["reportingComponent"], event["reportingInstance"]) == ("kubelet", "node2")
    assert (event["firstTimestamp"], event["lastTimestamp"], event["count"]) == (moment, moment, 1)
    assert event["eventTime"] is None


def test_the_same_again_is_counted(client: LocalClient, clock: Clock) -> None:
    recorder = EventRecorder(client, "kubelet", "node2", clock)
    recorder.event(about(), "Warning", "Unhealthy", "refused")
    clock.now += 7
    again = about()
    again["metadata"]["resourceVersion"] = "9"
    recorder.event(again, "Warning", "Unhealthy", "refused")
    (event,) = events(client)
    assert event["count"] == 2
    assert event["lastTimestamp"] == format_time(clock.now)
    assert event["firstTimestamp"] == format_time(clock.now - 7)


def test_the_tenth_different_message_is_combined(client: LocalClient, clock: Clock) -> None:
    """As in the recording `quota-exceeded`: nine events of their own, then one that counts."""
    recorder = EventRecorder(client, "replicaset-controller", clock=clock)
    for i in range(11):
        recorder.event(about(), "Warning", "FailedCreate", f"Error creating: pod {i}")
    told = {e["message"]: e["count"] for e in events(client)}
    assert len(told) == 10
    assert told["(combined from similar events): Error creating: pod 10"] == 2


def test_an_object_that_tells_too_much_is_cut_short(client: LocalClient, clock: Clock) -> None:
    recorder = EventRecorder(client, "kubelet", "node2", clock)
    for i in range(BURST + 10):
        recorder.event(about(), "Normal", f"Reason{i}", "x")
    assert len(events(client)) == BURST
    clock.now += 301
    recorder.event(about(), "Normal", "Later", "x")
    assert len(events(client)) == BURST + 1


def test_an_event_that_expired_is_told_anew(client: LocalClient, clock: Clock) -> None:
    recorder = EventRecorder(client, "kubelet", "node2", clock)
    recorder.event(about(), "Normal", "Pulled", "x")
    client.delete("events", events(client)[0]["metadata"]["name"], "default")
    recorder.event(about(), "Normal", "Pulled", "x")
    assert [e["count"] for e in events(client)] == [1]


def test_telling_never_fails(client: LocalClient, clock: Clock) -> None:
    EventRecorder(client, "kubelet", "node2", clock).event(about("no-such-namespace"), "Normal", "Pulled", "x")
    assert events(client) == []


def test_a_series_starts_anew_after_six_minutes(client: LocalClient, clock: Clock) -> None:
    recorder = EventRecorder(client, "default-scheduler", clock=clock)
    for _ in range(3):
        recorder.scheduling_event(about(), "Warning", "FailedScheduling", "0/3", "Scheduling")
        clock.now += 10
    assert [e["series"]["count"] for e in events(client)] == [3]
    clock.now += 400
    recorder.scheduling_event(about(), "Warning", "FailedScheduling", "0/3", "Scheduling")
    assert len(events(client)) == 2
