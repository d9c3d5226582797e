"""StatefulSets in order and out of it, DaemonSets, Jobs and CronJobs."""

from asyncio import sleep

from tests.replay.case import READY, Obj, app, case, shell
from tests.replay.stage import Stage


def _stateful(replicas: int, container: Obj, **spec: object) -> tuple[Obj, Obj]:
    service = {"clusterIP": "None", "selector": {"app": "db"}, "ports": [{"port": 8080}]}
    template = {
        "metadata": {"labels": {"app": "db"}},
        "spec": {"terminationGracePeriodSeconds": 2, "containers": [container]},
    }
    whole = {
        "serviceName": "db",
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "db"}},
        "template": template,
        **spec,
    }
    return (
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"}, "spec": service},
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": whole},
    )


SLEEPS = shell("db", "trap 'exit 0' TERM; while :; do sleep 0.1; done")
NEVER_READY = {**SLEEPS, "readinessProbe": {"exec": {"command": ["false"]}, "periodSeconds": 1}}


async def _see(stage: Stage) -> None:
    await stage.kubectl("get", "sts,pods")
    await stage.kubectl("get", "events")


@case("statefulset-in-order")
async def in_order(stage: Stage) -> None:
    await stage.apply(*_stateful(3, SLEEPS))
    await stage.until_ready(3)
    await stage.kubectl("rollout", "status", "sts/db", "--timeout=10s")
    await stage.kubectl("scale", "sts/db", "--replicas=1")
    await sleep(3)
    await stage.kubectl("scale", "sts/db", "--replicas=2")
    await sleep(2)
    await _see(stage)
    await stage.kubectl("describe", "sts", "db")


@case("statefulset-partition")
async def partition(stage: Stage) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    await stage.apply(*_stateful(2, SLEEPS, updateStrategy=strategy))
    await stage.until_ready(2)
    await stage.kubectl("set", "env", "sts/db", "V=2")
    await stage.kubectl("rollout", "status", "sts/db", "--timeout=10s")
    await sleep(1)
    await stage.kubectl("get", "pods", "--show-labels")
    await stage.kubectl("get", "controllerrevisions")
    await stage.kubectl("rollout", "history", "sts/db")
    await stage.kubectl("rollout", "undo", "sts/db")
    await stage.kubectl("rollout", "status", "sts/db", "--timeout=10s")
    await sleep(4)
    await _see(stage)


@case("statefulset-on-delete")
async def on_delete(stage: Stage) -> None:
    await stage.apply(*_stateful(2, SLEEPS, updateStrategy={"type": "OnDelete"}, podManagementPolicy="Parallel"))
    await stage.until_ready(2)
    await stage.kubectl("set", "env", "sts/db", "V=2")
    await stage.kubectl("rollout", "status", "sts/db", "--timeout=3s")
    await stage.kubectl("delete", "pod", "db-0")
    await stage.until_ready(2)
    await sleep(1)
    await _see(stage)
    await stage.kubectl("get", "sts", "-o", "yaml")
    await stage.kubectl("delete", "sts", "db")
    await sleep(2)


@case("statefulset-stuck")
async def stuck(stage: Stage) -> None:
    """The first that never gets ready holds up the rest, and the update that would cure it."""
    await stage.apply(*_stateful(2, NEVER_READY))
    await sleep(2)
    await stage.kubectl("set", "env", "sts/db", "V=2")
    await stage.kubectl("rollout", "status", "sts/db", "--timeout=2s")
    await _see(stage)
    await stage.kubectl("describe", "pod", "db-0")


@case("statefulset-claims")
async def claims(stage: Stage) -> None:
    size = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    mount = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    await stage.apply(
        *_stateful(
            2,
            SLEEPS | mount,
            volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": size}],
            persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete", "whenDeleted": "Retain"},
        )
    )
    await stage.until_ready(2)
    await stage.kubectl("get", "pvc")
    await stage.kubectl("scale", "sts/db", "--replicas=1")
    await sleep(3)
    await stage.kubectl("get", "pvc")
    await stage.kubectl("delete", "sts", "db")
    await sleep(3)
    await stage.kubectl("get", "pvc,pods")
    await stage.kubectl("get", "events")


@case("daemonset-update")
async def daemonset(stage: Stage) -> None:
    template = app(container=READY, pod={"terminationGracePeriodSeconds": 2})[0]["spec"]["template"]
    spec = {"selector": {"matchLabels": {"app": "app"}}, "template": template}
    await stage.apply({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "app"}, "spec": spec})
    await stage.until_ready(2)
    await stage.kubectl("rollout", "status", "ds/app", "--timeout=10s")
    await stage.kubectl("set", "env", "ds/app", "V=2")
    await stage.kubectl("rollout", "status", "ds/app", "--timeout=20s")
    await stage.kubectl("get", "ds,pods", "--show-labels")
    await stage.kubectl("describe", "ds", "app")
    patch = '{"spec":{"template":{"spec":{"nodeSelector":{"disk":"none"}}}}}'
    await stage.kubectl("patch", "ds", "app", "-p", patch)
    await sleep(3)
    await stage.kubectl("get", "ds,pods")
    await stage.kubectl("get", "events")


def _job(name: str, script: str, **spec: object) -> Obj:
    containers = [shell("j", script)]
    template = {"spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": containers}}
    whole = {"template": template, **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": whole}


RULE = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}


@case("job-kinds")
async def job_kinds(stage: Stage) -> None:
    await stage.apply(
        _job("three", "sleep 0.5", completions=3, parallelism=2),
        _job("indexed", "echo $JOB_COMPLETION_INDEX", completions=2, parallelism=2, completionMode="Indexed"),
        _job("no-patience", "exit 1", backoffLimit=0),
        _job("too-slow", "sleep 600", activeDeadlineSeconds=2),
        _job("waits", "true", suspend=True),
        _job("vanishes", "true", ttlSecondsAfterFinished=1),
        _job("gives-up", "exit 42", backoffLimit=6, podFailurePolicy={"rules": [RULE]}),
    )
    await sleep(5)
    await stage.kubectl("patch", "job", "waits", "-p", '{"spec":{"suspend":false}}')
    await sleep(6)
    await stage.kubectl("get", "jobs")
    await stage.kubectl("get", "pods")
    await stage.kubectl("get", "jobs", "-o", "yaml")
    await stage.kubectl("describe", "jobs", "three", "too-slow", "gives-up")
    await stage.kubectl("wait", "job/no-patience", "--for=condition=complete", "--timeout=1s")


@case("cronjob-by-hand")
async def cronjob(stage: Stage) -> None:
    """Its schedule never comes, so that what happens is asked for."""
    await stage.kubectl("create", "cronjob", "tick", "--image=busybox:1.36", "--schedule=0 0 31 2 *", "--", "true")
    await stage.kubectl("create", "job", "now", "--from=cronjob/tick")
    await sleep(5)
    await stage.kubectl("patch", "cronjob", "tick", "-p", '{"spec":{"suspend":true}}')
    await stage.kubectl("get", "cronjobs,jobs,pods")
    await stage.kubectl("describe", "cronjob", "tick")
    await stage.kubectl("patch", "cronjob", "tick", "-p", '{"spec":{"schedule":"every day"}}')
    await stage.kubectl("delete", "cronjob", "tick")
    await sleep(1)
    await stage.kubectl("get", "cronjobs,jobs,pods")


@case("statefulset-kinds")
async def kinds(stage: Stage) -> None:
    """Counted from five, all at once, held for ready for two seconds; a broken update stays until it is deleted."""
    together = {"podManagementPolicy": "Parallel", "ordinals": {"start": 5}, "minReadySeconds": 2}
    await stage.apply(*_stateful(2, SLEEPS, **together))
    await stage.until_ready(2)
    await stage.kubectl("get", "sts")
    await sleep(2.5)
    await stage.kubectl("get", "sts,pods")
    await stage.kubectl("get", "pods", "--show-labels")
    broken = {**SLEEPS, "image": "demo/absent:2", "imagePullPolicy": "Never"}
    await stage.apply(*_stateful(2, broken, **together))
    await sleep(3)
    await _see(stage)
    await stage.apply(*_stateful(2, SLEEPS, **together))
    await sleep(1.5)
    await stage.kubectl("get", "sts,pods")
    await stage.kubectl("delete", "pod", "db-6")
    await stage.until_ready(2)
    await stage.kubectl("scale", "sts/db", "--replicas=0")
    await sleep(3)
    await _see(stage)


def _daemons(**spec: object) -> Obj:
    pod = {"terminationGracePeriodSeconds": 1, "nodeSelector": {"replay": "here"}, "containers": [READY_SOON]}
    template = {"metadata": {"labels": {"app": "d"}}, "spec": pod}
    whole = {"selector": {"matchLabels": {"app": "d"}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "d"}, "spec": whole}


READY_SOON = {**SLEEPS, "readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 1}}


@case("daemonset-places", alone=True)
async def daemonset_places(stage: Stage) -> None:
    """Where its nodes are, as labels and taints come and go; and an update that surges."""
    surge = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    await stage.apply(_daemons(updateStrategy=surge, minReadySeconds=1))
    await sleep(1)
    await stage.kubectl("get", "ds")
    await stage.kubectl("label", "node", "node1", "replay=here", anywhere=True)
    await stage.until_ready(1)
    await stage.kubectl("taint", "node", "node2", "replay=no:NoSchedule", anywhere=True)
    await stage.kubectl("label", "node", "node2", "replay=here", anywhere=True)
    await sleep(1)
    await stage.kubectl("get", "ds")
    await stage.kubectl("taint", "node", "node2", "replay-", anywhere=True)
    await stage.until_ready(2)
    await stage.kubectl("set", "env", "ds/d", "V=2")
    await stage.kubectl("rollout", "status", "ds/d", "--timeout=30s")
    await stage.kubectl("label", "node", "node1", "replay-", anywhere=True)
    await sleep(2)
    await stage.kubectl("cordon", "node2", anywhere=True)
    await stage.kubectl("delete", "pod", "-l", "app=d")
    await stage.until_ready(1)
    await stage.kubectl("get", "ds,pods")
    await stage.kubectl("describe", "ds", "d")
    await stage.kubectl("get", "events")
    await stage.kubectl("uncordon", "node2", anywhere=True)
    await stage.kubectl("label", "node", "node2", "replay-", anywhere=True)
    await stage.kubectl("get", "ds")
