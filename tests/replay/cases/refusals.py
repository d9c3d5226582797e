"""What the API refuses: manifests of each kind, changes to what cannot change, patches that do not fit."""

from asyncio import sleep
from pathlib import Path
from typing import Any

import yaml

from tests.replay.case import Obj, app, bare, brief, case, shell
from tests.replay.stage import Stage

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

INVALID = Path(__file__).with_name("refused.yaml").read_text()


@case("refused-manifests")
async def manifests(stage: Stage) -> None:
    for manifest in yaml.safe_load_all(INVALID):
        await stage.create(manifest)
    await stage.kubectl("create", "-f", "-", stdin=INVALID)


def _template(app: str, **spec: Any) -> Obj:
    containers = [shell("c", "sleep 600")]
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": containers, **spec}}


@case("refused-changes")
async def changes(stage: Stage) -> None:
    """Fields that cannot change once they are."""
    selector = {"matchLabels": {"app": "x"}}
    batch = {"template": _template("x", restartPolicy="Never"), "suspend": True}
    await stage.apply(
        *app(replicas=0),
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "s"},
            "spec": {"replicas": 0, "serviceName": "s", "selector": selector, "template": _template("x")},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "d"},
            "spec": {"selector": selector, "template": _template("x", nodeSelector={"no": "where"})},
        },
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": batch},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "fixed"}, "immutable": True, "data": {"a": "b"}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "fixed"},
            "immutable": True,
            "stringData": {"a": "b"},
        },
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "typed"}, "stringData": {"a": "b"}},
        bare("pod", shell("main", "sleep 600")),
    )
    apps, batch_path = f"/apis/apps/v1/namespaces/{stage.namespace}", f"/apis/batch/v1/namespaces/{stage.namespace}"
    other = {"spec": {"selector": {"matchLabels": {"app": "y"}}}}
    for path, patch in (
        (f"{apps}/deployments/app", other),
        (
            f"{apps}/deployments/app",
            {"spec": {"selector": {"matchLabels": {"app": "y"}}, "template": {"metadata": {"labels": {"app": "y"}}}}},
        ),
        (f"{apps}/statefulsets/s", other),
        (f"{apps}/statefulsets/s", {"spec": {"serviceName": "t", "podManagementPolicy": "Parallel"}}),
        (f"{apps}/daemonsets/d", other),
        (f"{batch_path}/jobs/j", {"spec": {"completions": 3, "backoffLimit": 2}}),
        (f"{batch_path}/jobs/j", {"spec": {"template": {"spec": {"restartPolicy": "OnFailure"}}}}),
        (f"{batch_path}/jobs/j", {"spec": {"completionMode": "Indexed"}}),
        (f"{stage.home}/configmaps/fixed", {"data": {"a": "c"}}),
        (f"{stage.home}/configmaps/fixed", {"immutable": False}),
        (f"{stage.home}/secrets/fixed", {"data": {"a": "Yw=="}}),
        (f"{stage.home}/secrets/typed", {"type": "kubernetes.io/tls"}),
        (f"{stage.home}/services/app", {"spec": {"clusterIP": "10.96.0.77"}}),
        (f"{stage.home}/services/app", {"spec": {"ports": []}}),
        (f"{stage.home}/pods/pod", {"spec": {"restartPolicy": "Never"}}),
        (f"{stage.home}/pods/pod", {"spec": {"nodeName": "node9"}}),
        (f"{stage.home}/pods/pod", {"spec": {"containers": [{"name": "main", "image": "y", "command": ["z"]}]}}),
        (f"{stage.home}/pods/pod", {"spec": {"activeDeadlineSeconds": -1}}),
        (f"{stage.home}/pods/pod", {"metadata": {"name": "other"}}),
        (f"{stage.home}/pods/pod", {"metadata": {"uid": "00000000-0000-4000-8000-000000000000"}}),
        (f"{stage.home}/pods/pod", {"metadata": {"namespace": "default"}}),
        (f"{stage.home}/pods/pod", {"metadata": {"labels": {"a b": "c"}}}),
        (f"{stage.home}/pods/pod", {"metadata": {"finalizers": ["nonsense"]}}),
    ):
        await stage.request("PATCH", path, patch, type=MERGE, note=str(patch))
    fresh = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "src"}}
    await stage.create(fresh)
    await stage.request(
        "PUT", f"{stage.home}/configmaps/src", {**fresh, "metadata": {"name": "src", "resourceVersion": "1"}}
    )
    await stage.request(
        "PUT", f"{stage.home}/configmaps/src", {**fresh, "metadata": {"name": "other"}}, note="other name"
    )
    await stage.request("PUT", f"{stage.home}/configmaps/new", {**fresh, "metadata": {"name": "new"}}, note="new")
    await stage.request("POST", f"{stage.home}/configmaps", {**fresh, "kind": "Secret"}, note="other kind")
    await stage.request("POST", f"{stage.home}/configmaps", {**fresh, "metadata": {}}, note="no name")
    await stage.request(
        "POST",
        f"{stage.home}/configmaps",
        {**fresh, "metadata": {"name": "a", "namespace": "default"}},
        note="elsewhere",
    )
    await stage.request("POST", f"{stage.home}/configmaps", {**fresh, "data": {"a": 1}}, note="a number")
    await stage.request(
        "POST", f"{stage.home}/configmaps?fieldValidation=Strict", {**fresh, "date": {}}, note="misspelt"
    )
    await stage.request("POST", "/api/v1/namespaces/nowhere/configmaps", {**fresh, "metadata": {"name": "a"}})
    await stage.request("DELETE", f"{stage.home}/configmaps/nope")
    await stage.request("DELETE", f"{stage.home}/services")
    await stage.request("GET", f"{stage.home}/pods?labelSelector=a%20b%20c")
    await stage.request("GET", f"{stage.home}/pods?fieldSelector=spec.nothing%3Da")
    await stage.request("GET", f"{stage.home}/pods?limit=x")


@case("refused-patches")
async def patches(stage: Stage) -> None:
    await stage.apply(*brief(replicas=0))
    path = f"/apis/apps/v1/namespaces/{stage.namespace}/deployments/app"
    patches: list[tuple[str, Any]] = [
        (JSON, [{"op": "replace", "path": "/spec/nothing/here", "value": 1}]),
        (JSON, [{"op": "remove", "path": "/metadata/labels/none"}]),
        (JSON, [{"op": "test", "path": "/spec/replicas", "value": 7}]),
        (JSON, [{"op": "conjure", "path": "/spec/replicas", "value": 7}]),
        (JSON, [{"op": "add", "path": "/spec/template/spec/containers/9", "value": {}}]),
        (JSON, [{"op": "replace", "path": "/spec/replicas", "value": "two"}]),
        (JSON, {"spec": {"replicas": 1}}),
        (MERGE, {"spec": {"replicas": "two"}}),
        (MERGE, {"spec": {"template": None}}),
        (MERGE, [1]),
        (STRATEGIC, {"spec": {"replicas": [1]}}),
        (STRATEGIC, {"spec": {"template": {"spec": {"containers": [{"image": "y"}]}}}}),
        (STRATEGIC, {"spec": {"template": {"spec": {"containers": [{"name": "app", "$patch": "explode"}]}}}}),
        ("application/nonsense", {}),
        ("application/json", {}),
    ]
    for kind, patch in patches:
        await stage.request("PATCH", path, patch, type=kind, note=f"{kind} {patch}")
    await stage.request("PATCH", f"{path}x", {"spec": {"replicas": 1}}, type=MERGE, note="not there")
    mine = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app"}, "spec": {"replicas": 3}}
    await stage.request("PATCH", f"{path}?fieldManager=other", mine, type=APPLY, note="conflict")
    await stage.request("PATCH", path, mine, type=APPLY, note="no manager")
    await stage.request("PATCH", f"{path}?fieldManager=other", {**mine, "kind": "Other"}, type=APPLY, note="other kind")
    strange = {**mine, "spec": {"replicas": 3, "strange": 1}}
    await stage.request(
        "PATCH", f"{path}?fieldManager=other&fieldValidation=Strict", strange, type=APPLY, note="strange"
    )
    await stage.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump(mine))
    await stage.kubectl("apply", "--server-side", "--field-manager=other", "-f", "-", stdin=yaml.safe_dump(mine))
    await stage.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump(mine))
    two = {**mine, "spec": {"replicas": 2}}
    await stage.kubectl("apply", "--server-side", "--field-manager=third", "-f", "-", stdin=yaml.safe_dump(two))
    await stage.kubectl("patch", "deploy", "app", "-p", '{"spec":{"replicas":"two"}}')
    await stage.kubectl("patch", "deploy", "app", "--type=json", "-p", '[{"op":"remove","path":"/spec/nothing"}]')
    await stage.kubectl("patch", "deploy", "app", "-p", "{nonsense")
    await stage.kubectl("create", "-f", "-", stdin=yaml.safe_dump(brief()[0]))
    await stage.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(brief()[0]))


def _map(name: str, **metadata: Any) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}


@case("deletions")
async def deletions(stage: Stage) -> None:
    """Finalizers, preconditions, and what becomes of what somebody owned."""
    maps = f"{stage.home}/configmaps"
    held = await stage.create(_map("held", finalizers=["example.com/hold"]))
    wrong = {"preconditions": {"uid": "00000000-0000-4000-8000-000000000000"}}
    await stage.request("DELETE", f"{maps}/held", wrong, note="other uid")
    await stage.request("DELETE", f"{maps}/held", {"preconditions": {"resourceVersion": "1"}}, note="other version")
    await stage.kubectl("delete", "configmap", "held", "--wait=false")
    await stage.kubectl("get", "configmap", "held", "-o", "yaml")
    await stage.kubectl("delete", "configmap", "held", "--timeout=1s")
    more = {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}
    await stage.request("PATCH", f"{maps}/held", more, type=MERGE, note="one more")
    await stage.request("PATCH", f"{maps}/held", {"metadata": {"finalizers": None}}, type=MERGE, note="let go")
    await stage.request("GET", f"{maps}/held")
    owner = await stage.create(_map("owner"))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    await stage.create(_map("owned", ownerReferences=[reference]))
    await stage.create(
        _map("blocks", ownerReferences=[{**reference, "blockOwnerDeletion": True}], finalizers=["example.com/hold"])
    )
    await stage.create(_map("ghost", ownerReferences=[{**reference, "uid": held["metadata"]["uid"]}]))
    await stage.create(_map("wrong", ownerReferences=[{**reference, "name": ""}]))
    await stage.request("DELETE", f"{maps}/owner", {"propagationPolicy": "Sideways"}, note="policy")
    await stage.request(
        "DELETE", f"{maps}/owner", {"propagationPolicy": "Foreground", "orphanDependents": True}, note="both"
    )
    await stage.kubectl("delete", "configmap", "owner", "--cascade=foreground", "--wait=false")
    await sleep(1)
    await stage.kubectl("get", "configmaps")
    await stage.kubectl("get", "configmap", "owner", "-o", "yaml")
    await stage.request("PATCH", f"{maps}/blocks", {"metadata": {"finalizers": None}}, type=MERGE, note="let go")
    await sleep(1)
    await stage.kubectl("get", "configmaps")
    await stage.apply(*brief())
    await stage.until_ready(1)
    await stage.kubectl("delete", "deploy", "app", "--cascade=orphan")
    await sleep(0.5)
    await stage.kubectl("get", "deploy,rs,pods")
    await stage.apply(brief()[0])
    await sleep(0.7)
    await stage.kubectl("delete", "deploy", "app", "--cascade=foreground")
    await stage.kubectl("get", "deploy,rs,pods")


@case("namespace-ends")
async def namespace_ends(stage: Stage) -> None:
    """A namespace waits for what is in it, says for what, and takes nothing new."""
    await stage.kubectl("create", "ns", "untold-end", anywhere=True)
    home = "/api/v1/namespaces/untold-end"
    await stage.post(f"{home}/configmaps", _map("held", finalizers=["example.com/hold"]))
    pod = bare("slow", shell("main", "trap '' TERM; while :; do sleep 0.1; done"))
    await sleep(0.5)
    await stage.post(f"{home}/pods", pod)
    await sleep(1)
    await stage.kubectl("delete", "ns", "untold-end", "--wait=false", anywhere=True)
    await sleep(1)
    await stage.request("POST", f"{home}/configmaps", _map("late"), note="late")
    await stage.kubectl("get", "ns", "untold-end", anywhere=True)
    await sleep(11)
    await stage.kubectl("get", "ns", "untold-end", "-o", "yaml", anywhere=True)
    await stage.kubectl("describe", "ns", "untold-end", anywhere=True)
    await stage.kubectl("-n", "untold-end", "get", "all,configmaps", anywhere=True)
    await stage.request(
        "PATCH", f"{home}/configmaps/held", {"metadata": {"finalizers": None}}, type=MERGE, note="let go"
    )
    await stage.kubectl("wait", "ns/untold-end", "--for=delete", "--timeout=30s", anywhere=True)
    await stage.kubectl("delete", "ns", "kube-system", "--dry-run=server", anywhere=True)
    await stage.kubectl("delete", "ns", "default", anywhere=True)
