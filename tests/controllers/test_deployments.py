"""Deployments and their ReplicaSets, against the recordings of a real cluster."""

from cluster.client import Obj
from cluster.controllers import rollout
from cluster.objects import annotations_of, condition, is_going, is_pod_ready
from tests.controllers.world import NAMESPACE, World, deployment, pod_template


def deployed(world: World, name: str = "web") -> Obj:
    return world.client.get("deployments.apps", name, NAMESPACE)


def replicasets(world: World) -> list[Obj]:
    found = world.client.list("replicasets.apps", NAMESPACE)
    return sorted(found, key=lambda r: int(annotations_of(r)[rollout.REVISION]))


def is_rolled_out(world: World) -> bool:
    obj = deployed(world)
    status, wanted = obj.get("status") or {}, obj["spec"]["replicas"]
    counts = {status.get(k, 0) for k in ("replicas", "updatedReplicas", "availableReplicas")}
    return counts == {wanted} and status["observedGeneration"] == obj["metadata"]["generation"]


def set_image(world: World, image: str) -> None:
    container = {**pod_template({})["spec"]["containers"][0], "image": image}
    world.client.patch(
        "deployments.apps", "web", NAMESPACE, {"spec": {"template": {"spec": {"containers": [container]}}}}
    )


async def test_a_deployment_gets_its_pods_ready_and_says_so(world: World) -> None:
    world.deploy()
    await world.until(lambda: is_rolled_out(world))
    await world.settle()
    status = deployed(world)["status"]
    assert {k: v for k, v in status.items() if k != "conditions"} == {
        "observedGeneration": 1,
        "replicas": 3,
        "updatedReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "terminatingReplicas": 0,
    }
    said = [(c["type"], c["status"], c["reason"]) for c in status["conditions"]]
    assert said == [
        ("Available", "True", "MinimumReplicasAvailable"),
        ("Progressing", "True", "NewReplicaSetAvailable"),
    ]
    assert list(status)[:2] == ["observedGeneration", "replicas"]


async def test_its_events_read_as_recorded(world: World) -> None:
    world.deploy()
    await world.until(lambda: is_rolled_out(world))
    (replicaset,) = replicasets(world)
    name = replicaset["metadata"]["name"]
    assert world.said("ScalingReplicaSet") == [f"Scaled up replica set {name} from 0 to 3"]
    assert set(world.said("SuccessfulCreate")) == {f"Created pod: {p['metadata']['name']}" for p in world.pods()}
    assert annotations_of(replicaset) == {rollout.DESIRED: "3", rollout.MAX: "4", rollout.REVISION: "1"}


async def test_a_rolling_update_never_leaves_the_bounds(world: World) -> None:
    world.deploy()
    await world.until(lambda: is_rolled_out(world))
    bad: list[str] = []

    def step() -> bool:
        pods = [p for p in world.pods() if not is_going(p)]
        available = sum(map(is_pod_ready, pods))
        if len(pods) > 4 or available < 3:
            bad.append(f"{len(pods)} pods, {available} available")
        return is_rolled_out(world)

    set_image(world, "python:3.13-slim")
    await world.until(step)
    assert bad == []
    old, new = replicasets(world)
    first, second = old["metadata"]["name"], new["metadata"]["name"]
    assert world.said("ScalingReplicaSet") == [
        f"Scaled up replica set {first} from 0 to 3",
        f"Scaled up replica set {second} from 0 to 1",
        f"Scaled down replica set {first} from 3 to 2",
        f"Scaled up replica set {second} from 1 to 2",
        f"Scaled down replica set {first} from 2 to 1",
        f"Scaled up replica set {second} from 2 to 3",
        f"Scaled down replica set {first} from 1 to 0",
    ]
    assert annotations_of(deployed(world))[rollout.REVISION] == "2"


async def test_a_bad_rollout_stops_with_the_old_pods_serving_and_is_called_late(world: World) -> None:
    world.deploy(progressDeadlineSeconds=1)
    await world.until(lambda: is_rolled_out(world))
    world.kubelets.heals = False
    set_image(world, "no-such-image:1")
    await world.until(lambda: len(world.pods()) == 4)
    await world.settle()
    assert len([p for p in world.pods() if is_pod_ready(p)]) == 3
    assert deployed(world)["status"]["unavailableReplicas"] == 1
    world.ahead += 5
    await world.until(lambda: (condition(deployed(world), "Progressing") or {})["status"] == "False", within=4)
    late = condition(deployed(world), "Progressing")
    assert late is not None
    assert late["reason"] == "ProgressDeadlineExceeded"
    assert late["message"] == f'ReplicaSet "{replicasets(world)[-1]["metadata"]["name"]}" has timed out progressing.'


async def test_an_undone_rollout_reuses_the_old_replicaset_as_the_newest_revision(world: World) -> None:
    world.deploy()
    await world.until(lambda: is_rolled_out(world))
    set_image(world, "python:3.13-slim")
    await world.until(lambda: is_rolled_out(world))
    set_image(world, "python:3.12-slim")
    await world.until(lambda: is_rolled_out(world))
    undone, former = replicasets(world)[::-1]
    assert annotations_of(undone)[rollout.REVISION] == "3"
    assert annotations_of(undone)[rollout.HISTORY] == "1"
    assert (former["spec"]["replicas"], undone["spec"]["replicas"]) == (0, 3)


async def test_scaling_down_and_up_changes_one_replicaset(world: World) -> None:
    world.deploy()
    await world.until(lambda: is_rolled_out(world))
    (replicaset,) = replicasets(world)
    name = replicaset["metadata"]["name"]
    for replicas in (1, 2, 0, 2):
        world.client.patch("deployments.apps", "web", NAMESPACE, {"spec": {"replicas": replicas}})
        await world.until(lambda: is_rolled_out(world))
    assert [m.rpartition(name)[2] for m in world.said("ScalingReplicaSet")] == [
        " from 0 to 3",
        " from 3 to 1",
        " from 1 to 2",
        " from 2 to 0",
        " from 0 to 2",
    ]


async def test_recreate_waits_for_the_last_old_pod_to_be_gone(world: World) -> None:
    world.deploy(strategy={"type": "Recreate"})
    await world.until(lambda: is_rolled_out(world))
    world.kubelets.ends = False
    set_image(world, "python:3.13-slim")
    await world.until(lambda: all(map(is_going, world.pods())))
    await world.settle()
    assert len(replicasets(world)) == 1
    world.kubelets.ends = True
    for pod in world.pods():
        world.kubelets.care(NAMESPACE, pod["metadata"]["name"])
    await world.until(lambda: is_rolled_out(world))
    assert len(world.pods()) == 3


async def test_a_paused_deployment_scales_but_does_not_roll(world: World) -> None:
    world.deploy()
    await world.until(lambda: is_rolled_out(world))
    world.client.patch("deployments.apps", "web", NAMESPACE, {"spec": {"paused": True, "replicas": 2}})
    set_image(world, "python:3.13-slim")
    await world.until(lambda: len(world.pods()) == 2)
    await world.settle()
    assert len(replicasets(world)) == 1
    paused = condition(deployed(world), "Progressing")
    assert paused is not None
    assert (paused["status"], paused["reason"], paused["message"]) == (
        "Unknown",
        "DeploymentPaused",
        "Deployment is paused",
    )
    world.client.patch("deployments.apps", "web", NAMESPACE, {"spec": {"paused": False}})
    await world.until(lambda: len(replicasets(world)) == 2 and is_rolled_out(world))


async def test_history_beyond_its_limit_is_forgotten(world: World) -> None:
    world.deploy(replicas=1, revisionHistoryLimit=1)
    await world.until(lambda: is_rolled_out(world))
    for minor in range(4):
        set_image(world, f"python:3.{minor}")
        await world.until(lambda: is_rolled_out(world))
    await world.settle()
    assert [annotations_of(r)[rollout.REVISION] for r in replicasets(world)] == ["4", "5"]


async def test_a_deleted_pod_is_replaced(world: World) -> None:
    world.deploy()
    await world.until(lambda: is_rolled_out(world))
    victim = world.pods()[0]["metadata"]
    world.client.delete("pods", victim["name"], NAMESPACE)
    await world.until(
        lambda: victim["uid"] not in {p["metadata"]["uid"] for p in world.pods()} and is_rolled_out(world)
    )


async def test_deleting_a_deployment_takes_everything_it_made(world: World) -> None:
    world.deploy()
    await world.until(lambda: is_rolled_out(world))
    world.client.delete("deployments.apps", "web", NAMESPACE)
    await world.until(lambda: not world.pods() and not replicasets(world))


async def test_deleting_in_the_foreground_keeps_the_owner_until_the_last(world: World) -> None:
    world.deploy()
    await world.until(lambda: is_rolled_out(world))
    world.kubelets.ends = False
    world.client.delete("deployments.apps", "web", NAMESPACE, propagation="Foreground")
    await world.until(lambda: all(map(is_going, world.pods())))
    await world.settle()
    assert is_going(deployed(world))
    world.kubelets.ends = True
    for pod in world.pods():
        world.kubelets.care(NAMESPACE, pod["metadata"]["name"])
    await world.until(lambda: not world.client.list("deployments.apps", NAMESPACE))
    assert not replicasets(world)


async def test_deleting_as_orphan_leaves_the_pods_running(world: World) -> None:
    world.deploy()
    await world.until(lambda: is_rolled_out(world))
    world.client.delete("deployments.apps", "web", NAMESPACE, propagation="Orphan")
    await world.until(lambda: not world.client.list("deployments.apps", NAMESPACE))
    await world.settle()
    (replicaset,) = replicasets(world)
    assert not replicaset["metadata"].get("ownerReferences")
    assert len(world.pods()) == 3
    world.client.create("deployments.apps", deployment(), NAMESPACE)
    await world.until(lambda: bool(replicasets(world)[0]["metadata"].get("ownerReferences")))
    assert len(replicasets(world)) == 1


async def test_a_pod_that_stops_matching_is_released_and_replaced(world: World) -> None:
    world.deploy()
    await world.until(lambda: is_rolled_out(world))
    name = world.pods()[0]["metadata"]["name"]
    world.client.patch("pods", name, NAMESPACE, {"metadata": {"labels": {"app": "quarantine"}}})
    await world.until(lambda: len(world.pods(app="web")) == 3)
    assert not world.client.get("pods", name, NAMESPACE)["metadata"].get("ownerReferences")
