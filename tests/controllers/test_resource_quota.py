"""What a ResourceQuota says is used."""

from cluster.client import Obj
from cluster.controllers.resource_quota import new_status


def pod(phase: str = "Running", **requests: str) -> Obj:
    return {"spec": {"containers": [{"name": "c", "resources": {"requests": requests}}]}, "status": {"phase": phase}}


def quota(**hard: str) -> Obj:
    return {"spec": {"hard": hard}}


class TestUsage:
    def test_pods_and_what_they_ask_for_are_summed(self) -> None:
        pods = [pod(memory="48Mi"), pod(memory="16Mi")]
        hard = {"pods": "3", "requests.memory": "128Mi"}
        found = new_status({"spec": {"hard": hard}}, {"pods": pods})
        assert found == {"hard": hard, "used": {"pods": "2", "requests.memory": "64Mi"}}

    def test_a_pod_that_is_done_uses_nothing(self) -> None:
        assert new_status(quota(pods="1"), {"pods": [pod("Succeeded")]})["used"] == {"pods": "0"}

    def test_objects_are_counted_by_their_group(self) -> None:
        hard = {"count/deployments.apps": "2"}
        assert new_status({"spec": {"hard": hard}}, {"deployments.apps": [{}]})["used"] == {
            "count/deployments.apps": "1"
        }
