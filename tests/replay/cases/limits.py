"""What quotas and limit ranges refuse, and in which words."""

from asyncio import sleep

from tests.replay.case import Obj, app, bare, case, shell
from tests.replay.stage import Stage


def _quota(name: str, scopes: tuple[str, ...] = (), **hard: str) -> Obj:
    amounts = {key.replace("__", "/").replace("_", "."): value for key, value in hard.items()}
    spec = {"hard": amounts, **({"scopes": [*scopes]} if scopes else {})}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": spec}


def _range(name: str, **limit: object) -> Obj:
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": name}, "spec": {"limits": [limit]}}


def _pod(name: str, limits: Obj | None = None, requests: Obj | None = None) -> Obj:
    resources = {key: value for key, value in (("limits", limits), ("requests", requests)) if value}
    return bare(name, shell("main", "sleep 600", resources=resources))


def _service(name: str, kind: str) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"type": kind, "ports": [{"port": 80}], "selector": {"app": "app"}},
    }


def _map(name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


@case("quota-kinds")
async def quota_kinds(stage: Stage) -> None:
    for quota in (
        _quota("objects", count__configmaps="4", services="2", services_nodeports="1", count__deployments_apps="1"),
        _quota("compute", requests_cpu="200m", limits_memory="200Mi", pods="3"),
        _quota("storage", requests_storage="1Gi", persistentvolumeclaims="1"),
    ):
        await stage.create(quota)
    await stage.create(_quota("best-effort", ("BestEffort",), pods="0"))
    await stage.create(_quota("wrong", ("BestEffort", "NotBestEffort"), pods="1"))
    await stage.create(_quota("wrong", ("BestEffort",), requests_cpu="1"))
    await stage.create(_quota("wrong", pods="-1"))
    await stage.create(_quota("wrong", bananas="1"))
    await sleep(1)
    for name in ("a", "b", "c"):
        await stage.create(_map(name))
    await stage.create(_service("ports", "NodePort"))
    await stage.create(_service("more-ports", "NodePort"))
    await stage.create(_pod("says-nothing"))
    await stage.create(_pod("no-cpu", {"memory": "10Mi"}))
    await stage.create(_pod("fits", {"memory": "100Mi"}, {"cpu": "150m"}))
    await stage.create(_pod("too-much", {"memory": "101Mi"}, {"cpu": "100m"}))
    for name in ("one", "two"):
        await stage.create(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": name},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "600Mi"}}},
            }
        )
    await stage.apply(*app(replicas=2))
    await sleep(2)
    await stage.kubectl("get", "resourcequota")
    await stage.kubectl("describe", "resourcequota")
    await stage.kubectl("describe", "deploy", "app")
    await stage.kubectl("get", "events")
    await stage.kubectl("create", "deploy", "second", "--image=busybox:1.36")
    await stage.kubectl("describe", "ns", stage.namespace)


@case("limitrange-refusals")
async def limit_range_refusals(stage: Stage) -> None:
    container = {"max": {"memory": "100Mi"}, "min": {"memory": "10Mi"}, "maxLimitRequestRatio": {"memory": "2"}}
    limits = _range("pods", type="Container", **container)
    limits["spec"]["limits"].append({"type": "Pod", "max": {"memory": "150Mi"}})
    await stage.create(limits)
    await stage.create(_range("claims", type="PersistentVolumeClaim", max={"storage": "1Gi"}, min={"storage": "1Mi"}))
    await stage.create(_range("wrong", type="Container", max={"memory": "1Mi"}, min={"memory": "2Mi"}))
    await stage.create(_range("wrong", type="Container", default={"memory": "3Mi"}, max={"memory": "2Mi"}))
    await sleep(0.5)
    await stage.create(_pod("defaults"))
    await stage.create(_pod("over", {"memory": "101Mi"}))
    await stage.create(_pod("under", {"memory": "5Mi"}))
    await stage.create(_pod("ratio", {"memory": "60Mi"}, {"memory": "20Mi"}))
    two = [shell(name, "sleep 600", resources={"limits": {"memory": "90Mi"}}) for name in ("a", "b")]
    await stage.create(bare("together", *two))
    for name, size in (("big", "2Gi"), ("small", "1Ki")):
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
        await stage.create(
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": claim}
        )
    await stage.apply(*app(container={"resources": {"limits": {"memory": "200Mi"}}}))
    await sleep(1)
    await stage.kubectl("describe", "limitrange")
    await stage.kubectl("get", "events")
    await stage.kubectl(
        "get", "pod", "defaults", "-o", "jsonpath={.spec.containers[0].resources}{.metadata.annotations}"
    )
