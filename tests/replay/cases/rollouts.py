"""Deployments on their way from one revision to the next, and not getting there."""

from asyncio import sleep

from tests.replay.case import READY, Obj, app, bare, brief, case, shell
from tests.replay.normal import IMAGE
from tests.replay.stage import Stage

ABSENT = {"image": "demo/absent:2", "imagePullPolicy": "Never"}


def _with(manifests: tuple[Obj, Obj], **spec: object) -> tuple[Obj, Obj]:
    manifests[0]["spec"].update(spec)
    return manifests


async def _rolled(stage: Stage, version: str = "2") -> None:
    await stage.kubectl("set", "env", "deploy/app", f"V={version}")
    await stage.kubectl("rollout", "status", "deploy/app", "--timeout=30s")


@case("deployment-recreate")
async def recreate(stage: Stage) -> None:
    await stage.apply(*_with(brief(replicas=2), strategy={"type": "Recreate"}))
    await stage.until_ready(2)
    await sleep(1)
    await _rolled(stage)
    await sleep(1)
    await stage.show()
    await stage.kubectl("describe", "deploy", "app")


@case("deployment-paused")
async def paused(stage: Stage) -> None:
    await stage.apply(*brief())
    await stage.until_ready(1)
    await stage.kubectl("rollout", "pause", "deploy/app")
    await stage.kubectl("rollout", "pause", "deploy/app")
    await stage.kubectl("set", "env", "deploy/app", "V=2")
    await sleep(1)
    await stage.kubectl("rollout", "undo", "deploy/app")
    await stage.kubectl("rollout", "status", "deploy/app", "--timeout=1s")
    await stage.kubectl("rollout", "resume", "deploy/app")
    await stage.kubectl("rollout", "resume", "deploy/app")
    await stage.kubectl("rollout", "status", "deploy/app", "--timeout=20s")
    await sleep(1)
    await stage.kubectl("get", "deploy,rs")
    await stage.kubectl("describe", "deploy", "app")


@case("deployment-deadline")
async def deadline(stage: Stage) -> None:
    await stage.apply(*_with(brief(replicas=2), progressDeadlineSeconds=2))
    await stage.until_ready(2)
    await sleep(0.5)
    await stage.apply(*_with(brief(replicas=2, container=ABSENT), progressDeadlineSeconds=2))
    await stage.kubectl("rollout", "status", "deploy/app", "--timeout=20s")
    await stage.kubectl("describe", "deploy", "app")
    await stage.kubectl("rollout", "history", "deploy/app")
    await stage.kubectl("rollout", "undo", "deploy/app")
    await stage.kubectl("rollout", "status", "deploy/app", "--timeout=20s")
    await stage.kubectl("rollout", "history", "deploy/app")
    await stage.kubectl("rollout", "undo", "deploy/app", "--to-revision=99")
    await sleep(1)


@case("deployment-surge")
async def surge(stage: Stage) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
    await stage.apply(*_with(brief(replicas=4, container=READY), strategy=strategy))
    await stage.until_ready(4)
    await sleep(0.5)
    await _rolled(stage)
    await sleep(3)
    await stage.kubectl("get", "deploy,rs")
    await stage.kubectl("get", "events")


@case("deployment-no-surge")
async def no_surge(stage: Stage) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "50%"}}
    await stage.apply(*_with(brief(replicas=2, container=READY), strategy=strategy, minReadySeconds=1))
    await stage.until_ready(2)
    await sleep(2)
    await _rolled(stage)
    await sleep(3)
    await stage.kubectl("get", "deploy,rs")


@case("deployment-scaled-to-zero")
async def scaled_to_zero(stage: Stage) -> None:
    await stage.apply(*brief(replicas=2))
    await stage.until_ready(2)
    # Time for the application to hear SIGTERM, on a busy machine too.
    await sleep(4)
    await stage.kubectl("scale", "deploy/app", "--replicas=3", "--current-replicas=5")
    await stage.kubectl("scale", "deploy/app", "--replicas=0")
    await sleep(3)
    await stage.kubectl("get", "deploy,rs,endpointslices")
    await stage.kubectl("rollout", "status", "deploy/app")
    await stage.http("services/app:80", "/")
    await stage.request("GET", f"{stage.home}/services/app:80/proxy/")
    await stage.kubectl("scale", "deploy/app", "--replicas=1")
    await stage.until_ready(1)
    await sleep(1)
    await stage.show()


@case("deployment-restart-and-undo")
async def restart_and_undo(stage: Stage) -> None:
    await stage.apply(*brief())
    await stage.until_ready(1)
    await stage.kubectl("rollout", "undo", "deploy/app")
    await stage.kubectl("rollout", "restart", "deploy/app")
    await stage.kubectl("rollout", "status", "deploy/app", "--timeout=20s")
    await stage.kubectl("annotate", "deploy/app", "kubernetes.io/change-cause=restarted")
    await sleep(1)
    await stage.kubectl("rollout", "history", "deploy/app")
    await stage.kubectl("rollout", "history", "deploy/app", "--revision=1")
    await stage.kubectl("rollout", "history", "deploy/app", "--revision=7")
    await stage.kubectl("rollout", "undo", "deploy/app", "--to-revision=1")
    await stage.kubectl("rollout", "status", "deploy/app", "--timeout=20s")
    await stage.kubectl("set", "image", "deploy/app", "nobody=demo/app:2")
    await stage.kubectl("set", "resources", "deploy/app", "--limits=memory=1Mi", "--requests=memory=2Mi")
    await sleep(3)
    await stage.kubectl("get", "deploy,rs")


@case("replicaset-adopts")
async def adopts(stage: Stage) -> None:
    """A pod with the labels of a ReplicaSet becomes its own; one that loses them is let go and replaced."""
    orphan = bare("orphan", shell("app", "sleep 600"))
    orphan["metadata"]["labels"] = {"app": "app"}
    template = app()[0]["spec"]["template"]
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "app"}}, "template": template}
    template["spec"]["terminationGracePeriodSeconds"] = 2
    await stage.apply(orphan)
    await stage.until_ready(1)
    await stage.apply({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "app"}, "spec": spec})
    await stage.until_ready(2)
    await stage.kubectl("get", "pods", "--show-labels")
    await stage.kubectl("label", "pod", "orphan", "app=other", "--overwrite")
    await stage.until_ready(3)
    await sleep(1)
    await stage.kubectl("describe", "rs", "app")
    await stage.kubectl("delete", "rs", "app", "--cascade=orphan")
    await sleep(1)
    await stage.kubectl("get", "pods", "-o", "custom-columns=OWNERS:.metadata.ownerReferences,APP:.metadata.labels.app")


@case("deployment-scaled-mid-roll")
async def scaled_mid_roll(stage: Stage) -> None:
    """Scaled while it is paused between two revisions, both get their share; old revisions are forgotten."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    more = {"strategy": strategy, "minReadySeconds": 1, "revisionHistoryLimit": 1}
    await stage.apply(*_with(brief(replicas=3), **more))
    await stage.until_ready(3)
    await sleep(1.5)
    await stage.apply(*_with(brief(replicas=3, container=ABSENT), **more))
    await sleep(1)
    await stage.kubectl("rollout", "pause", "deploy/app")
    await stage.kubectl("scale", "deploy/app", "--replicas=8")
    await sleep(3)
    await stage.kubectl("get", "deploy,rs")
    await stage.kubectl("describe", "deploy", "app")
    await stage.kubectl("rollout", "resume", "deploy/app")
    for version in ("3", "4"):
        await stage.kubectl("set", "image", "deploy/app", f"app={IMAGE}")
        await _rolled(stage, version)
    await sleep(2)
    await stage.kubectl("rollout", "history", "deploy/app")
    await stage.kubectl("get", "deploy,rs")


@case("deployment-adopts")
async def deployment_adopts(stage: Stage) -> None:
    """Orphaned ReplicaSets are taken up again by whoever selects them and made them; others are left alone."""
    await stage.apply(*brief(replicas=1))
    await stage.until_ready(1)
    await stage.kubectl("delete", "deploy", "app", "--cascade=orphan")
    await sleep(0.5)
    await stage.kubectl("get", "rs", "-o", "custom-columns=OWNERS:.metadata.ownerReferences[*].name")
    await stage.apply(brief(replicas=2)[0])
    twin = brief(replicas=1)[0]
    twin["metadata"]["name"] = "twin"
    await stage.apply(twin)
    await stage.until_ready(3)
    await sleep(0.5)
    await stage.kubectl("get", "rs", "-o", "custom-columns=OWNERS:.metadata.ownerReferences[*].name,N:.spec.replicas")
    await stage.kubectl("get", "deploy,pods")
    await stage.kubectl("get", "endpoints")
    await stage.kubectl("get", "events")
