"""StatefulSets: order, names, claims and updates; as recorded in `storage-statefulset-pv`."""

import pytest

from cluster.client import Obj
from cluster.controllers.revisions import Revision, revision_of
from cluster.controllers.statefulset import Create, Delete, Plan, claims_for, pod_for
from cluster.objects import is_going, labels_of
from cluster.timestamps import format_time
from tests.controllers.world import NAMESPACE, World, pod_template

RESOURCE = "statefulsets.apps"
NOW = 1_800_000_000.0
OLD, NEW = Revision("db-old", 1, pod_template({"app": "db"})), Revision("db-new", 2, pod_template({"app": "db"}))


def declare(world: World, replicas: int = 3, **spec: object) -> None:
    labels = {"app": "db"}
    body = {"serviceName": "db", "selector": {"matchLabels": labels}, "template": pod_template(labels), **spec}
    world.client.create(RESOURCE, {"metadata": {"name": "db"}, "spec": {"replicas": replicas, **body}}, NAMESPACE)


def status(world: World) -> Obj:
    found: Obj = world.client.get(RESOURCE, "db", NAMESPACE).get("status") or {}
    return found


def names(world: World) -> list[str]:
    return sorted(p["metadata"]["name"] for p in world.pods())


async def test_pods_come_up_in_order_with_names_of_their_own(world: World) -> None:
    world.kubelets.heals = False
    declare(world)
    await world.until(lambda: names(world) == ["db-0"])
    await world.settle()
    assert names(world) == ["db-0"]
    world.kubelets.heals = True
    world.kubelets.care(NAMESPACE, "db-0")
    await world.until(lambda: status(world).get("readyReplicas") == 3)
    assert world.said("SuccessfulCreate") == [f"Create Pod db-{i} in StatefulSet db successful" for i in range(3)]
    await world.settle()
    final = {k: v for k, v in status(world).items() if not k.endswith("Revision")}
    assert final == {
        "observedGeneration": 1,
        "replicas": 3,
        "readyReplicas": 3,
        "currentReplicas": 3,
        "updatedReplicas": 3,
        "collisionCount": 0,
        "availableReplicas": 3,
    }
    pod = world.client.get("pods", "db-1", NAMESPACE)
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-1", "db")
    assert labels_of(pod)["statefulset.kubernetes.io/pod-name"] == "db-1"
    assert labels_of(pod)["apps.kubernetes.io/pod-index"] == "1"


async def test_a_deleted_pod_comes_back_under_its_name_only_once_the_old_one_is_gone(world: World) -> None:
    declare(world, 2)
    await world.until(lambda: status(world).get("readyReplicas") == 2)
    uid = world.client.get("pods", "db-0", NAMESPACE)["metadata"]["uid"]
    world.kubelets.ends = False
    world.client.delete("pods", "db-0", NAMESPACE)
    await world.settle()
    assert world.client.get("pods", "db-0", NAMESPACE)["metadata"]["uid"] == uid
    world.kubelets.ends = True
    world.kubelets.care(NAMESPACE, "db-0")
    await world.until(
        lambda: [p["metadata"]["uid"] for p in world.pods() if p["metadata"]["name"] == "db-0"] not in ([], [uid])
    )


async def test_scaling_down_takes_the_highest_first(world: World) -> None:
    declare(world)
    await world.until(lambda: status(world).get("readyReplicas") == 3)
    world.client.patch(RESOURCE, "db", NAMESPACE, {"spec": {"replicas": 1}})
    await world.until(lambda: names(world) == ["db-0"])
    assert world.said("SuccessfulDelete") == [f"Delete Pod db-{i} in StatefulSet db successful" for i in (2, 1)]


async def test_an_update_renews_pods_in_reverse_and_an_undo_brings_the_old_revision_back(world: World) -> None:
    declare(world)
    await world.until(lambda: status(world).get("readyReplicas") == 3)
    first = status(world)["updateRevision"]
    template = pod_template({"app": "db"}, image="python:3.13-slim")
    world.client.patch(RESOURCE, "db", NAMESPACE, {"spec": {"template": template}})
    await world.until(lambda: status(world)["currentRevision"] != first)
    await world.settle()
    assert {revision_of(p) for p in world.pods()} == {status(world)["updateRevision"]}
    assert [m.split()[2] for m in world.said("SuccessfulDelete")] == ["db-2", "db-1", "db-0"]
    world.client.patch(RESOURCE, "db", NAMESPACE, {"spec": {"template": pod_template({"app": "db"})}})
    await world.until(lambda: status(world)["currentRevision"] == first)
    assert len(world.client.list("controllerrevisions.apps", NAMESPACE)) == 2


async def test_parallel_pods_come_up_together(world: World) -> None:
    world.kubelets.heals = False
    declare(world, podManagementPolicy="Parallel")
    await world.until(lambda: names(world) == ["db-0", "db-1", "db-2"])


async def test_a_failed_pod_is_recreated(world: World) -> None:
    declare(world, 1)
    await world.until(lambda: status(world).get("readyReplicas") == 1)
    pod = world.client.get("pods", "db-0", NAMESPACE)
    world.kubelets.say(pod, ready=False, phase="Failed")
    await world.until(lambda: pod["metadata"]["uid"] not in {p["metadata"]["uid"] for p in world.pods()})
    await world.until(lambda: status(world).get("readyReplicas") == 1)
    assert f"StatefulSet {NAMESPACE}/db is recreating failed Pod db-0" in world.said("RecreatingFailedPod")


def stateful_set(replicas: int = 3, **spec: object) -> Obj:
    metadata = {"name": "db", "namespace": NAMESPACE, "uid": "u", "generation": 1}
    template = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    body = {"replicas": replicas, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}}}
    full = {**body, "volumeClaimTemplates": [template], **spec}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": full}


def pod(ordinal: int, revision: Revision = NEW, *, ready: bool = True, going: bool = False) -> Obj:
    made = pod_for(stateful_set(), ordinal, revision)
    made["metadata"] |= {"uid": str(ordinal)} | ({"deletionTimestamp": format_time(NOW)} if going else {})
    ready_since = {"type": "Ready", "status": str(ready), "lastTransitionTime": format_time(NOW - 9)}
    return made | {"status": {"phase": "Running", "conditions": [ready_since]}}


def steps(pods: list[Obj], current: Revision = NEW, **spec: object) -> list[str]:
    by_ordinal = {int(p["metadata"]["name"][3:]): p for p in pods}
    plan = Plan(stateful_set(**spec), by_ordinal, current, NEW, NOW)  # type: ignore[arg-type]  # spec may hold replicas
    return [_said(step) for step in plan.steps()]


def _said(step: Create | Delete) -> str:
    return f"create {step.ordinal}" if isinstance(step, Create) else f"delete {step.pod['metadata']['name'][3:]}"


def test_nothing_happens_while_a_pod_has_to_be_waited_for() -> None:
    assert steps([pod(0), pod(1, ready=False)]) == []
    assert steps([pod(0), pod(1, going=True), pod(2)]) == []
    assert steps([pod(0), pod(1), pod(2), pod(3, going=True)]) == []


def test_an_update_stops_at_the_partition_and_at_a_pod_that_is_not_well() -> None:
    old = [pod(0, OLD), pod(1, OLD), pod(2, OLD)]
    assert steps(old, OLD) == ["delete 2"]
    assert steps([*old[:2], pod(2)], OLD) == ["delete 1"]
    assert steps([*old[:2], pod(2)], OLD, updateStrategy={"rollingUpdate": {"partition": 2}}) == []
    assert steps([*old[:2], pod(2, ready=False)], OLD) == []
    assert steps(old, OLD, updateStrategy={"type": "OnDelete"}) == []


def test_a_pod_lost_during_an_update_comes_back_as_it_was_unless_its_turn_has_come() -> None:
    def revision(pods: list[Obj], ordinal: int) -> Revision:
        by_ordinal = {int(p["metadata"]["name"][3:]): p for p in pods}
        return Plan(stateful_set(), by_ordinal, OLD, NEW, NOW).revision_for(ordinal)

    assert revision([pod(0, OLD), pod(1, OLD)], 2) == NEW
    assert revision([pod(0, OLD), pod(2)], 1) == NEW
    assert revision([pod(1, OLD), pod(2)], 0) == OLD
    assert revision([], 0) == OLD


def test_ordinals_may_start_elsewhere() -> None:
    assert steps([], ordinals={"start": 5}) == ["create 5"]


def test_a_pod_mounts_its_own_claim() -> None:
    made, (claim,) = pod(1), claims_for(stateful_set(), 1)
    assert made["spec"]["volumes"] == [{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-1"}}]
    assert (claim["metadata"]["name"], claim["metadata"]["labels"]) == ("data-db-1", {"app": "db"})
    assert "ownerReferences" not in claim["metadata"]


@pytest.mark.parametrize("going", [False, True])
def test_claims_are_kept_unless_the_policy_says_otherwise(going: bool) -> None:
    policy = {"whenDeleted": "Delete" if going else "Retain"}
    (claim,) = claims_for(stateful_set(persistentVolumeClaimRetentionPolicy=policy), 0)
    assert bool(claim["metadata"].get("ownerReferences")) is going
    assert not is_going(claim)
