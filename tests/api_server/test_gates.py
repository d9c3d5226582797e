"""Scheduling gates: who has any is born blocked, cannot be bound, and may only lose them."""

import pytest

from cluster.api.local import LocalClient
from cluster.client import Conflict, Invalid, Obj
from tests.api_server.objects import with_default_account


@pytest.fixture(autouse=True)
def account(client: LocalClient) -> None:
    with_default_account(client)


def gated(client: LocalClient, *gates: str, **spec: object) -> Obj:
    containers = [{"name": "main", "image": "busybox"}]
    whole = {"containers": containers, "schedulingGates": [{"name": gate} for gate in gates], **spec}
    return client.create("pods", {"metadata": {"name": "p"}, "spec": whole}, "default")


def change(client: LocalClient, **spec: object) -> Obj:
    return client.patch("pods", "p", "default", {"spec": spec})


def test_it_says_why_it_is_not_scheduled(client: LocalClient) -> None:
    (condition,) = gated(client, "example.com/a")["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("PodScheduled", "False", "SchedulingGated")


def test_nobody_binds_it(client: LocalClient) -> None:
    gated(client, "example.com/a")
    target = {"target": {"kind": "Node", "name": "node1"}, "metadata": {"name": "p"}}
    with pytest.raises(Conflict, match=r"pod p has non-empty .spec.schedulingGates"):
        client.create("pods", target, "default", subresource="binding", name="p")


@pytest.mark.parametrize(
    ("gates", "spec", "why"),
    [
        (["example.com/a", "example.com/a"], {}, "Duplicate value"),
        (["a b"], {}, "name part must consist of"),
        (["example.com/a"], {"nodeName": "node1"}, "cannot be set until all schedulingGates have been cleared"),
    ],
)
def test_what_is_no_gate_is_refused(client: LocalClient, gates: list[str], spec: Obj, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        gated(client, *gates, **spec)


def test_gates_only_go(client: LocalClient) -> None:
    gated(client, "example.com/a", "example.com/b")
    with pytest.raises(Invalid, match=r"only deletion is allowed, but found new scheduling gate 'example.com/c'"):
        change(client, schedulingGates=[{"name": "example.com/c"}])
    assert change(client, schedulingGates=[{"name": "example.com/b"}])["spec"]["schedulingGates"]
    assert not change(client, schedulingGates=None)["spec"].get("schedulingGates")


def test_the_choice_of_a_node_may_be_narrowed_only_meanwhile(client: LocalClient) -> None:
    gated(client, "example.com/a")
    change(client, nodeSelector={"disk": "ssd"})
    with pytest.raises(Invalid, match=r"only additions to spec.nodeSelector are allowed"):
        change(client, nodeSelector={"disk": "hdd"})
    change(client, schedulingGates=None)
    with pytest.raises(Invalid, match="pod updates may not change fields other than"):
        change(client, nodeSelector={"disk": "ssd", "zone": "a"})


def test_terms_of_node_affinity_may_be_narrowed_but_not_replaced(client: LocalClient) -> None:
    def affinity(*expressions: str) -> Obj:
        listed = [{"key": key, "operator": "Exists"} for key in expressions]
        required = {"nodeSelectorTerms": [{"matchExpressions": listed}]}
        return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}

    gated(client, "example.com/a", affinity=affinity("disk"))
    change(client, affinity=affinity("disk", "fast"))
    with pytest.raises(Invalid, match=r"only additions are allowed \(no mutations or deletions\)"):
        change(client, affinity=affinity("fast"))
