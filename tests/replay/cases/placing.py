"""Pods that find no node, pods that must leave theirs, and those that may not be made to."""

from asyncio import sleep

from tests.replay.case import Obj, app, bare, brief, case, shell
from tests.replay.stage import Stage

SLEEPS = shell("main", "sleep 600")


def _asks(**requests: str) -> Obj:
    return {**SLEEPS, "resources": {"requests": requests}}


def _term(**more: object) -> Obj:
    return {"topologyKey": "kubernetes.io/hostname", **more}


def _with_label(value: str) -> Obj:
    return {"labelSelector": {"matchLabels": {"app": value}}}


def _in_zone(operator: str, *values: str) -> Obj:
    expression = {"key": "disk", "operator": operator, **({"values": [*values]} if values else {})}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def _required(kind: str, **term: object) -> Obj:
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [_term(**term)]}}


@case("unschedulable-reasons")
async def reasons(stage: Stage) -> None:
    spread = {"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", **_with_label("spread")}
    port = {**SLEEPS, "ports": [{"containerPort": 80, "hostPort": 18123}]}
    pods = [
        bare("cpu", _asks(cpu="64")),
        bare("memory", _asks(memory="900Gi")),
        bare("gpu", {**SLEEPS, "resources": {"limits": {"example.com/gpu": "1"}}}),
        bare("selector", SLEEPS, nodeSelector={"disk": "ssd"}),
        bare("affinity", SLEEPS, affinity=_in_zone("In", "ssd")),
        bare("exists", SLEEPS, affinity=_in_zone("Exists")),
        bare("beside-nobody", SLEEPS, affinity=_required("podAffinity", **_with_label("nobody"))),
        bare("spread", SLEEPS, topologySpreadConstraints=[{**spread, "topologyKey": "no-such-label"}]),
        bare("selector-and-cpu", _asks(cpu="64"), nodeSelector={"disk": "ssd"}),
        bare("one-node", SLEEPS, nodeSelector={"kubernetes.io/hostname": "node1"}),
        bare("one-node-cpu", _asks(cpu="64"), nodeSelector={"kubernetes.io/hostname": "node1"}),
        bare("nowhere", SLEEPS, nodeName="node9"),
        bare("other-scheduler", SLEEPS, schedulerName="nobody"),
        bare("port-1", port, nodeSelector={"kubernetes.io/hostname": "node1"}),
    ]
    await stage.apply(*pods)
    await sleep(2)
    await stage.apply(bare("port-2", port, nodeSelector={"kubernetes.io/hostname": "node1"}))
    await sleep(1.5)
    await stage.kubectl("get", "pods", "-o", "wide")
    await stage.kubectl("get", "events")
    await stage.kubectl("describe", "pod", "cpu")


@case("unschedulable-apart")
async def apart(stage: Stage) -> None:
    """Three that do not bear each other, on two nodes; then one goes."""
    affinity = _required("podAntiAffinity", **_with_label("app"))
    await stage.apply(*brief(replicas=3, pod={"affinity": affinity}))
    await sleep(4)
    await stage.kubectl("get", "pods")
    await stage.kubectl("get", "events")
    await stage.kubectl("scale", "deploy/app", "--replicas=2")
    await sleep(1)
    await stage.kubectl("get", "deploy")


@case("taint-evicts", nodes=True)
async def taint_evicts(stage: Stage) -> None:
    def tolerating(seconds: int | None) -> Obj:
        limit = {} if seconds is None else {"tolerationSeconds": seconds}
        toleration = {"key": "maintenance", "operator": "Exists", "effect": "NoExecute", **limit}
        return {"tolerations": [toleration], "nodeSelector": {"kubernetes.io/hostname": "node2"}}

    on_node2 = {"nodeSelector": {"kubernetes.io/hostname": "node2"}}
    await stage.apply(
        bare("stays", SLEEPS, **tolerating(None)),
        bare("stays-a-while", SLEEPS, **tolerating(3)),
        bare("leaves", SLEEPS, **on_node2),
    )
    await stage.until_ready(3)
    await stage.kubectl("taint", "node", "node2", "maintenance=now:NoExecute", anywhere=True)
    await sleep(1)
    await stage.apply(bare("comes-late", SLEEPS, **on_node2))
    await sleep(6)
    await stage.kubectl("get", "pods")
    await stage.kubectl("get", "events")
    await stage.kubectl("taint", "node", "node2", "maintenance=now:NoExecute", anywhere=True)
    await stage.kubectl("taint", "node", "node2", "maintenance:NoExecute-", anywhere=True)
    await stage.kubectl("taint", "node", "node2", "maintenance:NoExecute-", anywhere=True)
    await sleep(2)


def _budget(name: str, selects: str, **spec: object) -> Obj:
    whole = {"selector": {"matchLabels": {"app": selects}}, **spec}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": whole}


async def _evict(stage: Stage, name: str, **more: object) -> None:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": stage.namespace}}
    await stage.request("POST", f"{stage.home}/pods/{name}/eviction", {**body, **more}, note=f"evict {name}")


NEVER_READY = {**SLEEPS, "readinessProbe": {"exec": {"command": ["false"]}, "periodSeconds": 1}}


@case("eviction-refused")
async def eviction_refused(stage: Stage) -> None:
    names = ("whole", "none", "twice", "half")
    await stage.apply(
        *(bare(name, SLEEPS) for name in names),
        bare("sick", NEVER_READY),
        bare("sick-allowed", NEVER_READY),
        _budget("whole", "whole", minAvailable="100%"),
        _budget("none", "none", maxUnavailable=0),
        _budget("one", "twice", minAvailable=0),
        _budget("two", "twice", minAvailable=0),
        _budget("half", "half", minAvailable="50%"),
        _budget("sick", "sick", minAvailable=1),
        _budget("sick-allowed", "sick-allowed", minAvailable=1, unhealthyPodEvictionPolicy="AlwaysAllow"),
    )
    await sleep(3)
    await stage.kubectl("get", "pdb")
    for name in (*names, "sick", "sick-allowed", "nobody"):
        await _evict(stage, name)
    await _evict(stage, "sick", deleteOptions={"preconditions": {"uid": "00000000-0000-4000-8000-000000000000"}})
    await stage.kubectl("describe", "pdb", "whole", "none")
    await stage.kubectl("get", "pdb", "-o", "yaml")
    await stage.kubectl("get", "events")


@case("drain-refused", nodes=True)
async def drain_refused(stage: Stage) -> None:
    """Every reason that drain has for not even trying; then a budget that makes it wait in vain."""
    here = {"nodeSelector": {"kubernetes.io/hostname": "node2"}}
    template = {
        "metadata": {"labels": {"app": "d"}},
        "spec": {"containers": [SLEEPS], "terminationGracePeriodSeconds": 1},
    }
    daemon = {"selector": {"matchLabels": {"app": "d"}}, "template": template}
    await stage.apply(
        *app(pod={**here, "terminationGracePeriodSeconds": 1}),
        bare("alone", SLEEPS, **here),
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "d"}, "spec": daemon},
        _budget("app", "app", minAvailable=1),
    )
    await stage.until_ready(4)
    selector = "--pod-selector=app in (app,alone,d)"
    await stage.kubectl("cordon", "node2", anywhere=True)
    await stage.kubectl("cordon", "node2", anywhere=True)
    await stage.kubectl("drain", "node2", selector, anywhere=True)
    await stage.kubectl("drain", "node2", selector, "--ignore-daemonsets", anywhere=True)
    options = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=3s")
    await stage.kubectl("drain", "node2", selector, *options, anywhere=True)
    await stage.kubectl("get", "nodes", anywhere=True)
    await stage.kubectl("drain", "nowhere", anywhere=True)
    await stage.kubectl("uncordon", "node2", anywhere=True)
    await stage.kubectl("uncordon", "node2", anywhere=True)
    await stage.kubectl("get", "pods")


@case("budget-kinds")
async def budget_kinds(stage: Stage) -> None:
    """What a budget makes of percentages, of pods that nobody owns, of everybody and of nobody."""
    everybody = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "everybody"}}
    await stage.apply(
        *brief(replicas=3),
        bare("loose", SLEEPS),
        bare("half", SLEEPS),
        _budget("share", "app", maxUnavailable="34%"),
        _budget("nobody", "nobody", maxUnavailable=1),
        _budget("loose", "loose", maxUnavailable=1),
        _budget("half", "half", minAvailable="50%"),
    )
    await stage.until_ready(5)
    await sleep(1)
    await stage.kubectl("get", "pdb")
    await stage.kubectl("describe", "pdb")
    await stage.kubectl("get", "pdb", "-o", "yaml")
    await stage.kubectl("scale", "deploy/app", "--replicas=1")
    await sleep(2)
    await stage.kubectl("get", "pdb", "share")
    await stage.kubectl("patch", "pdb", "share", "--type=merge", "-p", '{"spec":{"maxUnavailable":0}}')
    await sleep(0.5)
    await stage.kubectl("get", "pdb", "share")
    await stage.kubectl("get", "events")
    for spec in (
        {"minAvailable": 1, "maxUnavailable": 1},
        {"minAvailable": "101%"},
        {"minAvailable": "some"},
        {"maxUnavailable": -1},
        {"minAvailable": 1, "unhealthyPodEvictionPolicy": "Sometimes"},
    ):
        await stage.create({**everybody, "spec": {"selector": {}, **spec}}, note=str(spec))
