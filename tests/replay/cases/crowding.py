"""Pods of unequal worth, pods that wait for leave, that seek or shun each other, that were put on a node by hand."""

from asyncio import sleep
from typing import Any

from tests.replay.case import Obj, app, bare, case, shell
from tests.replay.normal import IMAGE
from tests.replay.stage import Stage

SLEEPS = shell("main", "sleep 600")
JSON = "application/json-patch+json"
HOST = "kubernetes.io/hostname"


def _here(node: str) -> Obj:
    return {"nodeSelector": {HOST: node}}


def _asks(cpu: str) -> Obj:
    return {**SLEEPS, "resources": {"requests": {"cpu": cpu}}}


def _class(name: str, value: int, **more: Any) -> Obj:
    metadata = {"name": f"replay-{name}"}
    return {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": metadata, "value": value, **more}


@case("preemption", alone=True)
async def preemption(stage: Stage) -> None:
    """The dear push off the cheap, last of all those with a budget; the polite wait."""
    await stage.apply(
        _class("low", 100, description="goes first"),
        _class("high", 1000),
        _class("polite", 1000, preemptionPolicy="Never"),
    )
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "kept"}}}
    await stage.apply(
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "kept"}, "spec": budget},
        bare("cheap", _asks("1500m"), priorityClassName="replay-low", **_here("node1")),
        bare("kept", _asks("1500m"), priorityClassName="replay-low", **_here("node2")),
    )
    await stage.until_ready(2)
    await sleep(1)
    await stage.apply(bare("polite", _asks("1500m"), priorityClassName="replay-polite"))
    await sleep(1)
    await stage.apply(bare("dear", _asks("1500m"), priorityClassName="replay-high"))
    await sleep(1)
    await stage.kubectl("get", "pods", "-o", "wide")
    await sleep(3)
    await stage.apply(bare("dearer", _asks("1500m"), priorityClassName="replay-high"))
    await sleep(1)
    await stage.kubectl("get", "pods", "-o", "wide")
    await sleep(3)
    await stage.kubectl("get", "pods", "-o", "wide")
    await stage.kubectl("describe", "pods")
    await stage.kubectl("get", "events")
    await stage.kubectl("get", "priorityclasses", anywhere=True)
    await stage.kubectl("describe", "priorityclass", "replay-low", "replay-polite", anywhere=True)
    names = ("replay-low", "replay-high", "replay-polite")
    await stage.kubectl("delete", "priorityclass", *names, anywhere=True)


def _gates(*names: str) -> Obj:
    return {"schedulingGates": [{"name": f"example.com/{name}"} for name in names]}


ODD_GATES: dict[str, Obj] = {
    "twice": _gates("first", "first"),
    "unnamed": {"schedulingGates": [{"name": ""}]},
    "odd": {"schedulingGates": [{"name": "no such/name/here"}]},
    "placed": {**_gates("first"), "nodeName": "node1"},
}


@case("scheduling-gates")
async def gates(stage: Stage) -> None:
    """Pods that nobody may schedule yet, and what may change meanwhile."""
    template = app(replicas=1)[0]
    template["spec"]["template"]["spec"].update(_gates("first"), terminationGracePeriodSeconds=1)
    await stage.apply(bare("gated", SLEEPS, **_gates("first", "second")), template)
    await sleep(1.5)
    await stage.kubectl("get", "pods", "-o", "wide")
    await stage.kubectl("describe", "pod", "gated")
    await stage.kubectl("get", "deploy,rs")
    for name, spec in ODD_GATES.items():
        await stage.create(bare(name, SLEEPS, **spec))
    pod = f"{stage.home}/pods/gated"
    for patch in (
        [{"op": "add", "path": "/spec/schedulingGates/-", "value": {"name": "example.com/third"}}],
        [{"op": "replace", "path": "/spec/schedulingGates/0/name", "value": "example.com/other"}],
        [{"op": "add", "path": "/spec/nodeSelector", "value": {"kubernetes.io/os": "linux"}}],
        [{"op": "replace", "path": "/spec/nodeSelector", "value": {"kubernetes.io/os": "plan9"}}],
        [{"op": "add", "path": "/spec/tolerations/-", "value": {"key": "a", "operator": "Exists"}}],
    ):
        await stage.request("PATCH", pod, patch, type=JSON, note=str(patch))
    target = {"apiVersion": "v1", "kind": "Node", "name": "node1"}
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "gated"}, "target": target}
    await stage.request("POST", f"{pod}/binding", binding, note="bind")
    await stage.kubectl(
        "patch", "pod", "gated", "--type=json", "-p", '[{"op":"remove","path":"/spec/schedulingGates/0"}]'
    )
    await sleep(1)
    await stage.kubectl("get", "pods")
    await stage.kubectl(
        "patch", "pod", "gated", "--type=json", "-p", '[{"op":"remove","path":"/spec/schedulingGates"}]'
    )
    await sleep(2)
    await stage.kubectl("get", "pods")
    again = [{"op": "add", "path": "/spec/schedulingGates", "value": [{"name": "example.com/late"}]}]
    await stage.request("PATCH", pod, again, type=JSON, note="gate one that runs")
    await stage.kubectl("get", "events")
    await stage.kubectl("delete", "deploy", "app")


def _labelled(name: str, label: str, **spec: Any) -> Obj:
    pod = bare(name, SLEEPS, **spec)
    pod["metadata"]["labels"]["group"] = label
    return pod


def _node(key: str, operator: str, *values: str, field: bool = False) -> Obj:
    expression = {"key": key, "operator": operator, **({"values": [*values]} if values else {})}
    term = {"matchFields" if field else "matchExpressions": [expression]}
    return {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
    }


def _pods(kind: str, label: str, **more: Any) -> Obj:
    term = {"topologyKey": HOST, "labelSelector": {"matchLabels": {"group": label}}, **more}
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


@case("affinity-kinds")
async def affinity(stage: Stage) -> None:
    spread = {
        "maxSkew": 1,
        "minDomains": 3,
        "topologyKey": HOST,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"group": "trio"}},
    }
    await stage.apply(_labelled("anchor", "anchor", **_here("node1"), **_pods("podAntiAffinity", "foe")))
    await stage.until_ready(1)
    await stage.apply(
        _labelled("beside", "friend", **_pods("podAffinity", "anchor")),
        _labelled("foe", "foe", **_here("node1")),
        _labelled("foe-elsewhere", "foe"),
        _labelled("apart", "apart", **_pods("podAntiAffinity", "anchor")),
        _labelled("apart-here", "apart", **_here("node1"), **_pods("podAntiAffinity", "anchor")),
        _labelled("beside-elsewhere", "friend", **_here("node2"), **_pods("podAffinity", "anchor")),
        _labelled("own-kind", "own", **_pods("podAffinity", "own")),
        _labelled("abroad", "friend", **_pods("podAffinity", "anchor", namespaces=["default"])),
        _labelled("no-such-key", "own", **_pods("podAffinity", "own", topologyKey="example.com/rack")),
        _labelled("by-field", "any", **_node("metadata.name", "In", "node2", field=True)),
        _labelled("not-in", "any", **_node(HOST, "NotIn", "node1")),
        _labelled("absent", "any", **_node(HOST, "DoesNotExist")),
        _labelled("greater", "any", **_node("example.com/size", "Gt", "5")),
        *(_labelled(name, "trio", topologySpreadConstraints=[spread]) for name in ("one", "two", "three")),
    )
    await sleep(4)
    await stage.kubectl("get", "pods", "-o", "wide")
    places = "custom-columns=POD:.metadata.name,HOST:.spec.nodeSelector,ON:.spec.nodeName"
    await stage.kubectl("get", "pods", "-o", places)
    await stage.kubectl("get", "events")
    await stage.kubectl("delete", "pod", "anchor", "--now")
    await sleep(2)
    await stage.kubectl("get", "pods")


@case("node-named-by-hand")
async def by_hand(stage: Stage) -> None:
    """No scheduler asked: the kubelet has the last word."""
    port = {**SLEEPS, "ports": [{"containerPort": 80, "hostPort": 18321}]}
    named = {"nodeName": "node1"}
    await stage.apply(bare("first", port, **named))
    await stage.until_ready(1)
    await stage.apply(
        bare("fits", SLEEPS, **named),
        bare("other-scheduler", SLEEPS, schedulerName="nobody", **named),
        bare("too-big", _asks("64"), **named),
        bare("too-much-memory", {**SLEEPS, "resources": {"requests": {"memory": "900Gi"}}}, **named),
        bare("extended", {**SLEEPS, "resources": {"limits": {"example.com/gpu": "1"}}}, **named),
        bare("wrong-label", SLEEPS, nodeSelector={"disk": "ssd"}, **named),
        bare("wrong-affinity", SLEEPS, **_node("disk", "In", "ssd"), **named),
        bare("port-taken", port, **named),
        bare("shunned", SLEEPS, **_pods("podAffinity", "nobody"), **named),
        bare("once", {"name": "main", "image": IMAGE, "command": ["true"]}, restartPolicy="OnFailure", **named),
    )
    await sleep(3)
    await stage.kubectl("get", "pods", "-o", "wide")
    await stage.kubectl("describe", "pods")
    await stage.kubectl("logs", "too-big")
    await stage.kubectl("delete", "pod", "too-big", "wrong-label")
    await stage.kubectl("get", "events")
