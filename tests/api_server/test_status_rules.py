"""What the API refuses of a status: counts below zero, parts that are more than the whole, collisions forgotten."""

import pytest

from cluster.api.core import Core
from cluster.api.local import LocalClient
from cluster.client import Invalid, Obj
from tests.api_server.refusals import NAMESPACE, SELECTOR, made, named, template

SPEC: Obj = {"selector": SELECTOR, "template": template()}
MORE = "cannot be greater than status.replicas"
NEGATIVE = "must be greater than or equal to 0"


def refused(client: LocalClient, key: str, status: Obj) -> list[str]:
    with pytest.raises(Invalid) as error:
        client.patch(key, "x", NAMESPACE, {"status": status}, subresource="status")
    return [f"{cause.field}: {cause.message}" for cause in error.value.causes]


@pytest.mark.parametrize(
    ("key", "spec", "status", "errors"),
    [
        (
            "deployments.apps",
            SPEC,
            {"replicas": 1, "readyReplicas": 2, "availableReplicas": 3, "observedGeneration": -1},
            [
                f"status.observedGeneration: Invalid value: -1: {NEGATIVE}",
                f"status.readyReplicas: Invalid value: 2: {MORE}",
                f"status.availableReplicas: Invalid value: 3: {MORE}",
                "status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas",
            ],
        ),
        (
            "replicasets.apps",
            SPEC,
            {"readyReplicas": -1},
            [
                f"status.readyReplicas: Invalid value: -1: {NEGATIVE}",
                "status.availableReplicas: Invalid value: 0: cannot be greater than readyReplicas",
            ],
        ),
        (
            "statefulsets.apps",
            SPEC,
            {"replicas": 1, "currentReplicas": 2, "availableReplicas": 1},
            [
                f"status.currentReplicas: Invalid value: 2: {MORE}",
                "status.availableReplicas: Invalid value: 1: cannot be greater than status.readyReplicas",
            ],
        ),
        (
            "daemonsets.apps",
            SPEC,
            {"numberReady": -1, "currentNumberScheduled": -2},
            [
                f"status.currentNumberScheduled: Invalid value: -2: {NEGATIVE}",
                f"status.numberReady: Invalid value: -1: {NEGATIVE}",
            ],
        ),
        (
            "poddisruptionbudgets.policy",
            {"minAvailable": 1},
            {"currentHealthy": -1},
            [f"status.currentHealthy: Invalid value: -1: {NEGATIVE}"],
        ),
    ],
)
def test_each_count_that_cannot_be_is_told(
    core: Core, client: LocalClient, key: str, spec: Obj, status: Obj, errors: list[str]
) -> None:
    made(core, key, named(spec=spec))
    assert refused(client, key, status) == errors


@pytest.mark.parametrize("key", ["deployments.apps", "statefulsets.apps", "daemonsets.apps"])
def test_collisions_are_never_forgotten(core: Core, client: LocalClient, key: str) -> None:
    made(core, key, named(spec=SPEC))
    client.patch(key, "x", NAMESPACE, {"status": {"collisionCount": 2}}, subresource="status")
    told = "status.collisionCount: Invalid value: 1: cannot be decremented"
    assert refused(client, key, {"collisionCount": 1}) == [told]
