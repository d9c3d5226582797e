"""Deployments, Jobs and StatefulSets as they change; budgets and drains."""

import asyncio
from asyncio import sleep
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.replay.case import READY, Obj, app, brief, case, http_get, shell
from tests.replay.stage import Stage


@asynccontextmanager
async def load(stage: Stage, pause: float) -> AsyncIterator[None]:
    """Requests to the Service, one after the other, for as long as the block runs."""

    async def ask() -> None:
        while True:
            await stage.http("services/app:80", "/", seconds=1)
            await sleep(pause)

    asking = asyncio.create_task(ask())
    try:
        yield
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


@case("rolling-update-good")
async def update_good(stage: Stage) -> None:
    probe = {"readinessProbe": http_get("/readyz", periodSeconds=1)}
    await stage.apply(*brief(replicas=3, container=probe))
    await sleep(5)
    await stage.show()
    async with load(stage, 0.1):
        await stage.kubectl("set", "env", "deploy/app", "V=2")
        await stage.kubectl("rollout", "status", "deploy/app", "--timeout=30s")
        await sleep(3)
    await stage.show()
    await stage.kubectl("get", "rs", "-o", "yaml")


@case("rolling-update-missing-image")
async def update_missing_image(stage: Stage) -> None:
    await stage.apply(*brief(replicas=3, container=READY))
    await sleep(5)
    await stage.show()
    await stage.apply(*brief(replicas=3, container={**READY, "image": "demo/absent:2", "imagePullPolicy": "Never"}))
    await stage.kubectl("rollout", "status", "deploy/app", "--timeout=12s")
    await stage.show()
    await stage.kubectl("rollout", "undo", "deploy/app")
    await stage.kubectl("rollout", "status", "deploy/app", "--timeout=20s")
    await stage.show()


@case("scale-down-and-up")
async def scale(stage: Stage) -> None:
    await stage.apply(*brief(replicas=3, container=READY))
    await sleep(5)
    await stage.show()
    await stage.kubectl("scale", "deploy/app", "--replicas=1")
    await sleep(4)
    await stage.kubectl("scale", "deploy/app", "--replicas=2")
    await sleep(4)
    await stage.show()


@case("pod-deleted-is-replaced")
async def replaced(stage: Stage) -> None:
    await stage.apply(*brief(replicas=2, container=READY))
    await sleep(5)
    await stage.show()
    await stage.kubectl("delete", "pod", (await stage.pods())[0]["metadata"]["name"])
    await sleep(4)
    await stage.show()


@case("drain-single-replica", nodes=True)
async def drain_single(stage: Stage) -> None:
    await _drain(stage, replicas=1)


@case("drain-three-replicas-pdb-two", nodes=True)
async def drain_three(stage: Stage) -> None:
    selector = {"matchLabels": {"app": "app"}}
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "app"},
        "spec": {"minAvailable": 2, "selector": selector},
    }
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": selector,
    }
    await _drain(stage, budget, replicas=3, pod={"topologySpreadConstraints": [spread]})


async def _drain(stage: Stage, *more: Obj, replicas: int, pod: Obj | None = None) -> None:
    probe = {"readinessProbe": http_get("/readyz", periodSeconds=1, timeoutSeconds=1)}
    manifests = app(replicas=replicas, container=probe, pod={"terminationGracePeriodSeconds": 5, **(pod or {})})
    await stage.apply(*manifests, *more)
    await stage.until_ready(replicas)
    await sleep(1.5)
    async with load(stage, 0.25):
        await sleep(2)
        node = _fullest(await stage.ready_pods())
        await stage.show()
        stage.note(f"drain {node}")
        options = ("--ignore-daemonsets", "--delete-emptydir-data", "--timeout=25s", "--pod-selector=app=app")
        await stage.kubectl("drain", node, *options, anywhere=True)
        await sleep(6)
        await stage.show()
        for one, note in zip(await stage.pods(), ("eviction by hand", "second eviction at once"), strict=False):
            await _evict(stage, one["metadata"]["name"], note)
        await sleep(5)
        await stage.kubectl("uncordon", node, anywhere=True)
        await sleep(2)
    await stage.kubectl("get", "pdb", "-o", "yaml")


def _fullest(pods: list[Obj]) -> str:
    """The node with most of them, as it was when recorded."""
    return Counter(str(pod["spec"]["nodeName"]) for pod in pods).most_common(1)[0][0]


async def _evict(stage: Stage, name: str, note: str) -> None:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": stage.namespace}}
    await stage.request("POST", f"/api/v1/namespaces/{stage.namespace}/pods/{name}/eviction", body, note=note)


@case("job-failing")
async def job_failing(stage: Stage) -> None:
    await stage.apply(_job("j", "exit 2", backoffLimit=1), _job("ok", "echo done"))
    await sleep(22)
    await stage.show()
    await stage.kubectl("get", "jobs", "-o", "yaml")
    await stage.kubectl("get", "pods")


def _job(name: str, script: str, **spec: int) -> Obj:
    template = {"spec": {"restartPolicy": "Never", "containers": [shell("j", script)]}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {**spec, "template": template}}


@case("storage-emptydir-loss")
async def emptydir_loss(stage: Stage) -> None:
    await stage.apply(*app())
    await stage.until_ready(1)
    await sleep(1)
    await stage.http("services/app:80", "/v", method="POST", data="precious")
    await stage.http("services/app:80", "/v")
    [pod] = await stage.pods()
    stage.note("container restart keeps emptyDir")
    await stage.http("services/app:80", "/die")
    await sleep(3)
    await stage.http("services/app:80", "/v")
    stage.note("pod deleted: emptyDir lost")
    await stage.kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=1")
    await sleep(1)
    await stage.until_ready(1)
    await sleep(1)
    await stage.http("services/app:80", "/v")
    await stage.show()


def _claim(name: str, **spec: str) -> Obj:
    size = {"requests": {"storage": "1Gi"}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": size, **spec},
    }


@case("storage-pvc-pending", alone=True)
async def pvc_pending(stage: Stage) -> None:
    volumes = [
        {"name": "src", "configMap": {"name": "src"}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
    ]
    # The recorded cluster had no default class.
    await stage.session.delete("/apis/storage.k8s.io/v1/storageclasses/standard")
    await stage.apply(_claim("data"), *app(pod={"volumes": volumes}))
    await sleep(8)
    await stage.show()
    await stage.kubectl("describe", "pvc", "data")
    stage.note("unknown storage class")
    await stage.apply(_claim("data2", storageClassName="fast"))
    await sleep(3)
    await stage.kubectl("describe", "pvc", "data2")


@case("storage-statefulset-pv")
async def statefulset_pv(stage: Stage) -> None:
    for number in (1, 2):
        await stage.post("/api/v1/persistentvolumes", _volume(f"pv{number}"))
    service: Obj = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "db"},
        "spec": {"clusterIP": "None", "selector": {"app": "db"}, "ports": [{"port": 8080}]},
    }
    await stage.apply(service, _database())
    await stage.until_ready(2)
    await sleep(1)
    await stage.http("pods/db-0:8080", "/v", method="POST", data="precious")
    await stage.kubectl("delete", "pod", "db-0", "--grace-period=1")
    await sleep(2)
    await stage.until_ready(2)
    await stage.http("pods/db-0:8080", "/v")
    await stage.kubectl("get", "sts,pod,pvc,pv")
    await stage.kubectl("rollout", "status", "sts/db", "--timeout=5s")
    await stage.kubectl("scale", "sts/db", "--replicas=1")
    await sleep(4)
    await stage.show()


def _volume(name: str) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "manual",
            "hostPath": {"path": f"/var/lib/record/{name}"},
        },
    }


def _database() -> Obj:
    pod = app(pod={"volumes": [{"name": "src", "configMap": {"name": "src"}}]})[0]["spec"]["template"]["spec"]
    claim = _claim("data", storageClassName="manual")
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db"},
        "spec": {
            "serviceName": "db",
            "replicas": 2,
            "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": pod},
            "volumeClaimTemplates": [{"metadata": claim["metadata"], "spec": claim["spec"]}],
        },
    }
