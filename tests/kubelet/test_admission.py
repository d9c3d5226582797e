"""What a kubelet does not take, whoever bound it: the scheduler's own reasons, in the kubelet's words."""

import pytest

from cluster.client import Obj
from cluster.kubelet.admission import pressed, refusal

NODE: Obj = {
    "metadata": {"name": "node1", "labels": {"disk": "ssd"}},
    "spec": {},
    "status": {"allocatable": {"cpu": "2", "memory": "1Gi", "pods": "2"}},
}


def pod(name: str, *, phase: str = "Running", requests: Obj | None = None, port: int = 0, **spec: object) -> Obj:
    container: Obj = {"name": "main", "resources": {"requests": requests or {}}}
    if port:
        container["ports"] = [{"containerPort": 80, "hostPort": port}]
    meta = {"name": name, "uid": name, "namespace": "default"}
    return {"metadata": meta, "spec": {"containers": [container], **spec}, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("asking", "reason", "message"),
    [
        (
            pod("p", requests={"cpu": "64"}),
            "OutOfcpu",
            "Node didn't have enough resource: cpu, requested: 64000, used: 500, capacity: 2000",
        ),
        (
            pod("p", nodeSelector={"disk": "hdd"}),
            "NodeAffinity",
            "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
        ),
        (
            pod("p", port=80),
            "NodePorts",
            "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
        ),
    ],
)
def test_who_does_not_fit_is_told_why(asking: Obj, reason: str, message: str) -> None:
    present = [pod("first", requests={"cpu": "500m"}, port=80)]
    refused = refusal(NODE, present, asking)
    assert refused is not None
    assert (refused.reason, refused.message) == (reason, message)


def test_a_node_takes_so_many_pods_and_those_that_are_over_do_not_count() -> None:
    present = [pod("first"), pod("second"), pod("third", phase="Succeeded")]
    refused = refusal(NODE, present, pod("p"))
    assert refused is not None
    assert refused.message == "Node didn't have enough resource: pods, requested: 1, used: 2, capacity: 2"
    assert refusal(NODE, present[1:], pod("p")) is None


@pytest.mark.parametrize(
    ("quality", "spec", "taken"),
    [
        ("BestEffort", {}, False),
        ("Burstable", {}, True),
        ("BestEffort", {"priority": 2_000_000_000}, True),
        ("BestEffort", {"tolerations": [{"key": "node.kubernetes.io/memory-pressure", "operator": "Exists"}]}, True),
        ("BestEffort", {"tolerations": [{"key": "node.kubernetes.io/disk-pressure", "operator": "Exists"}]}, False),
    ],
)
def test_a_node_low_on_memory_takes_nobody_who_asks_for_none(quality: str, spec: Obj, *, taken: bool) -> None:
    asking = pod("p", **spec)
    asking["status"]["qosClass"] = quality
    refused = pressed(asking)
    assert (refused is None) is taken
    if refused:
        assert (refused.reason, refused.message) == ("Evicted", "The node had condition: [MemoryPressure]. ")


def test_what_no_node_knows_is_no_reason() -> None:
    assert refusal(NODE, [], pod("p", requests={"example.com/gpu": "1"})) is None


def test_a_taint_that_would_drive_it_out_keeps_it_out() -> None:
    tainted = {**NODE, "spec": {"taints": [{"key": "a", "effect": "NoExecute"}, {"key": "b", "effect": "NoSchedule"}]}}
    refused = refusal(tainted, [], pod("p"))
    assert refused is not None
    assert refused.reason == "TaintToleration"
    tolerating = pod("p", tolerations=[{"key": "a", "operator": "Exists", "effect": "NoExecute"}])
    assert refusal(tainted, [], tolerating) is None
