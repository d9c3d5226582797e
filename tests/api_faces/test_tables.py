"""`kubectl get` shows what it shows on a real cluster."""

from typing import Any

import pytest

from cluster.api.resources import registry
from cluster.api.tables.duration import human_duration
from cluster.api.tables.table import render
from cluster.timestamps import format_time

Obj = dict[str, Any]
NOW = 1_700_000_000.0


def pod(status: Obj, *, deleting: bool = False, **spec: Any) -> Obj:
    metadata = {"name": "p", "creationTimestamp": format_time(NOW - 37)}
    if deleting:
        metadata["deletionTimestamp"] = format_time(NOW)
    return {"metadata": metadata, "spec": {"containers": [{"name": "a"}], **spec}, "status": status}


def container(state: Obj, *, ready: bool = False, restarts: int = 0, last: Obj | None = None) -> Obj:
    return {"name": "a", "state": state, "ready": ready, "restartCount": restarts, "lastState": last or {}}


def shown(obj: Obj) -> list[Any]:
    cells = registry["pods"].table.cells(obj, NOW)
    return cells[1:5]


RUNNING = {"running": {"startedAt": format_time(NOW - 30)}}
SIDECARS = [{"name": "s", "restartPolicy": "Always"}]


@pytest.mark.parametrize(
    ("obj", "ready", "status", "restarts"),
    [
        (pod({"phase": "Pending"}), "0/1", "Pending", "0"),
        (pod({"phase": "Running", "containerStatuses": [container(RUNNING, ready=True)]}), "1/1", "Running", "0"),
        (
            pod({"phase": "Pending", "containerStatuses": [container({"waiting": {"reason": "ContainerCreating"}})]}),
            "0/1",
            "ContainerCreating",
            "0",
        ),
        (
            pod(
                {
                    "phase": "Running",
                    "containerStatuses": [
                        container(
                            {"waiting": {"reason": "CrashLoopBackOff"}},
                            restarts=3,
                            last={"terminated": {"finishedAt": format_time(NOW - 30)}},
                        )
                    ],
                }
            ),
            "0/1",
            "CrashLoopBackOff",
            "3 (30s ago)",
        ),
        (
            pod({"phase": "Running", "containerStatuses": [container({"terminated": {"reason": "OOMKilled"}})]}),
            "0/1",
            "OOMKilled",
            "0",
        ),
        (
            pod({"phase": "Succeeded", "containerStatuses": [container({"terminated": {"reason": "Completed"}})]}),
            "0/1",
            "Completed",
            "0",
        ),
        (pod({"phase": "Failed", "reason": "Evicted"}), "0/1", "Evicted", "0"),
        (
            pod({"phase": "Running", "containerStatuses": [container(RUNNING, ready=True)]}, deleting=True),
            "1/1",
            "Terminating",
            "0",
        ),
        (
            pod(
                {"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"running": {}}}]},
                initContainers=[{"name": "i"}],
            ),
            "0/1",
            "Init:0/1",
            "0",
        ),
        (
            pod(
                {
                    "phase": "Pending",
                    "initContainerStatuses": [{"name": "i", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
                },
                initContainers=[{"name": "i"}],
            ),
            "0/1",
            "Init:CrashLoopBackOff",
            "0",
        ),
        (
            pod(
                {
                    "phase": "Running",
                    "conditions": [{"type": "Initialized", "status": "True"}],
                    "initContainerStatuses": [{"name": "s", "state": RUNNING, "started": True, "ready": True}],
                    "containerStatuses": [container(RUNNING, ready=True)],
                },
                initContainers=SIDECARS,
            ),
            "2/2",
            "Running",
            "0",
        ),
    ],
)
def test_a_pods_state_in_a_word(obj: Obj, ready: str, status: str, restarts: str) -> None:
    assert shown(obj) == [ready, status, restarts, "37s"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (-0.5, "0s"),
        (-5, "<invalid>"),
        (119, "119s"),
        (120, "2m"),
        (278, "4m38s"),
        (600, "10m"),
        (10799, "179m"),
        (3 * 3600, "3h"),
        (5 * 3600 + 180, "5h3m"),
        (47 * 3600, "47h"),
        (50 * 3600, "2d2h"),
        (9 * 86400, "9d"),
        (800 * 86400, "2y70d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_ages_are_short(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


def test_a_table_carries_metadata_objects_or_nothing() -> None:
    obj = pod({"phase": "Running"})
    table = registry["pods"].table

    def first(include: Any) -> Obj:
        row: Obj = render(table, [obj], NOW, include, {"resourceVersion": "7"})["rows"][0]
        return row

    assert first("Metadata")["object"]["kind"] == "PartialObjectMetadata"
    assert first("Object")["object"] == obj
    assert "object" not in first("None")


def test_cells_fit_their_columns_even_of_a_bare_object() -> None:
    """Every kind's printer copes with an object that has nothing but a name."""
    for resource in registry.values():
        cells = resource.table.cells({"metadata": {"name": "x"}}, NOW)
        assert len(cells) == len(resource.table.columns), resource.key


@pytest.mark.parametrize(
    ("key", "obj", "expected"),
    [
        (
            "services",
            {
                "spec": {
                    "type": "NodePort",
                    "clusterIP": "198.19.0.9",
                    "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}],
                    "selector": {"b": "2", "a": "1"},
                }
            },
            ["x", "NodePort", "198.19.0.9", "<none>", "80:30080/TCP", "37s", "a=1,b=2"],
        ),
        (
            "endpoints",
            {"subsets": [{"addresses": [{"ip": f"198.18.0.{i}"} for i in range(5)], "ports": [{"port": 80}]}]},
            ["x", "198.18.0.0:80,198.18.0.1:80,198.18.0.2:80 + 2 more...", "37s"],
        ),
        (
            "poddisruptionbudgets.policy",
            {"spec": {"minAvailable": 1}, "status": {"disruptionsAllowed": 1}},
            ["x", "1", "N/A", 1, "37s"],
        ),
        (
            "horizontalpodautoscalers.autoscaling",
            {
                "spec": {
                    "scaleTargetRef": {"kind": "Deployment", "name": "app"},
                    "minReplicas": 2,
                    "maxReplicas": 5,
                    "metrics": [
                        {
                            "type": "Resource",
                            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
                        }
                    ],
                },
                "status": {"currentReplicas": 2},
            },
            ["x", "Deployment/app", "cpu: <unknown>/60%", "2", 5, 2, "37s"],
        ),
        (
            "nodes",
            {
                "spec": {"unschedulable": True},
                "status": {
                    "conditions": [{"type": "Ready", "status": "Unknown"}],
                    "addresses": [{"type": "InternalIP", "address": "198.19.255.1"}],
                    "nodeInfo": {"kubeletVersion": "v1.36.2", "kernelVersion": "6.1", "architecture": "amd64"},
                },
            },
            [
                "x",
                "NotReady,SchedulingDisabled",
                "<none>",
                "37s",
                "v1.36.2",
                "198.19.255.1",
                "<none>",
                "<unknown>",
                "6.1 (amd64)",
                "<unknown>",
            ],
        ),
    ],
)
def test_cells_as_recorded(key: str, obj: Obj, expected: list[Any]) -> None:
    metadata = {"name": "x", "creationTimestamp": format_time(NOW - 37)}
    assert registry[key].table.cells({"metadata": metadata, **obj}, NOW) == expected
